/** The `aws:` keys: read, checked among each other and against the rest of the declaration. Pure. */
import {
  machineProblems,
  machineWarnings,
  openWorldProblems,
  repeatedProblems,
  tagProblems,
} from "./aws/checks";
import { architectureOf } from "./aws/instance-types";
import { provisioningProblems, sessionWarnings } from "./aws/provisioning";
import { type AwsValues, awsSchema } from "./aws/schema";
import { fullZone, readSubnets } from "./aws/subnets";
import type { AwsSettings } from "./aws/types";
import { ABSENT, type Problem } from "./error";
import { readFields } from "./fields";

/** What the keys are judged by. */
export interface AwsSurroundings {
  readonly zones: readonly string[];
  readonly shards: number;
  readonly replicasPerShard: number;
  readonly redis: Readonly<Record<string, string>>;
  readonly redisSource?: string | undefined;
}

export interface ReadAws {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** Good as far as there are no problems. */
  readonly settings: AwsSettings;
  /** The declared zones by their full names: "a" is the region's zone a. */
  readonly zones: readonly string[];
}

/** Stands in for a region that is missing, so that the other keys can be judged all the same. */
const SOME_REGION = "us-east-1";

export function readAws(raw: unknown, around: AwsSurroundings): ReadAws {
  const { values, problems: fieldProblems } = readFields(awsSchema, mapping(raw), { prefix: "aws." });
  const region = values.region ?? SOME_REGION;
  const zones = around.zones.map((zone) => fullZone(zone, region));
  const { subnets, problems: subnetProblems } = readSubnets(values, { ...around, zones, region });
  const settings: AwsSettings = {
    ...values,
    region,
    sshPublicKey: values.sshPublicKey ?? "",
    architecture: architectureOf(values.instanceType),
    subnets,
  };
  return {
    settings,
    zones,
    problems: [
      ...fieldProblems,
      // A value that is there and bad has been told already.
      ...missingProblems(values).filter(
        ({ property }) => !fieldProblems.some((told) => told.property === property),
      ),
      ...zoneProblems(values, zones, region),
      ...subnetProblems,
      ...openWorldProblems(values),
      ...repeatedProblems(values),
      ...tagProblems(values),
      ...provisioningProblems(values, around),
      ...machineProblems(values, around.redis),
    ],
    warnings: [...machineWarnings(values, around.redis), ...zoneWarnings(zones), ...sessionWarnings(values)],
  };
}

function mapping(raw: unknown): Record<string, unknown> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) ? { ...raw } : {};
}

function missingProblems({ region, sshPublicKey, sshCidrs }: AwsValues): Problem[] {
  const missing = (key: string, expected: string, cure: string): Problem => ({
    property: `aws.${key}`,
    value: ABSENT,
    expected,
    cure: `pulumi config set --path ${cure}`,
  });
  return [
    ...(region === undefined
      ? [missing("region", "the region of everything, e.g. eu-central-1", "aws.region eu-central-1")]
      : []),
    ...(sshPublicKey === undefined
      ? [
          missing(
            "sshPublicKey",
            "the public key whose private half the kit uses",
            'aws.sshPublicKey "$(cat ~/.ssh/id_ed25519.pub)"',
          ),
        ]
      : []),
    ...(sshCidrs.length === 0
      ? [
          missing(
            "sshCidrs",
            "where ssh comes from: with none, nobody can provision the servers",
            '"aws.sshCidrs[0]" "$(curl -s https://checkip.amazonaws.com)/32"',
          ),
        ]
      : []),
  ];
}

function zoneProblems(values: AwsValues, zones: readonly string[], region: string): Problem[] {
  const strange = zones.find((zone) => !zone.startsWith(region) || !/\d[a-z]$/.test(zone));
  if (strange !== undefined)
    return [
      {
        property: "zones",
        value: JSON.stringify(strange),
        expected: `zones of ${region}, as letters or full names: a, or ${region}a`,
        cure: "zones: [a, b, c] in the stack file",
      },
    ];
  if (zones.length > 1 || values.allowOneZone) return [];
  return [
    {
      property: "zones",
      value: JSON.stringify(zones),
      expected: "three zones: with one, the cluster and every copy of its data is gone whenever that zone is",
      cure: "zones: [a, b, c] in the stack file; to do without all the same: pulumi config set --path aws.allowOneZone true",
    },
  ];
}

function zoneWarnings(zones: readonly string[]): string[] {
  if (zones.length === 1)
    return [`One zone (${zones[0]}): when it is lost, the cluster and all copies of its data are lost.`];
  if (zones.length !== 2) return [];
  return [
    `Two zones (${zones.join(", ")}): one of them holds most primaries. When that one is lost no failover happens and the cluster stops until it is back; ` +
      "the data is kept. Declare a third one before the first up: zones of a cluster that exists do not change.",
  ];
}
