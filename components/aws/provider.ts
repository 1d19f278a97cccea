/** The AWS provider of a cluster that was given none. */
import type { ProviderArgs } from "@pulumi/aws/provider";
import type { Region } from "@pulumi/aws/types/enums";
import * as pulumi from "@pulumi/pulumi";
import { loadAws } from "./sdk";

/** Keys of `aws:` that are text. The others are numbers, flags, lists and mappings, which a stack's configuration has as JSON. */
const TEXTS: readonly string[] = [
  "accessKey",
  "customCaBundle",
  "ec2MetadataServiceEndpoint",
  "ec2MetadataServiceEndpointMode",
  "httpProxy",
  "httpsProxy",
  "noProxy",
  "profile",
  "retryMode",
  "s3UsEast1RegionalEndpoint",
  "secretKey",
  "stsRegion",
  "tagPolicyCompliance",
  "token",
] satisfies (keyof ProviderArgs)[];

const PREFIX = "aws:";

/**
 * A provider of its own, for the declared region. Pulumi gives such a one nothing of the stack's `aws:` configuration, so it
 * is passed on: with `aws:profile` or `aws:assumeRoles` left out, the servers would be made in another account. The default
 * provider is not used even where its region is the same: for a cluster that exists the change would replace everything.
 */
export function providerFor(name: string, region: string, parent: pulumi.Resource): pulumi.ProviderResource {
  const args = providerArgs(region, pulumi.runtime.allConfig());
  return new (loadAws().Provider)(name, args, { parent });
}

/** `config`: the stack's, with its prefixes. Pure. */
export function providerArgs(region: string, config: Readonly<Record<string, string>>): ProviderArgs {
  const own = Object.entries(config)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => [key.slice(PREFIX.length), text] as const)
    .map(([key, text]) => [key, TEXTS.includes(key) ? text : parsed(text)] as const);
  // Checked by its pattern; @pulumi/aws wants one of the regions that it knows by name.
  return { ...Object.fromEntries(own), region: region as Region };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
