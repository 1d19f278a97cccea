/** A small server with a public address, through which ssh goes to the nodes, and nothing else. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config";
import { bastionUserData } from "../../templates/aws/user-data";
import { loadAws } from "./sdk";
import { ROLE_TAG, tagsOf } from "./tags";

export interface BastionArgs {
  readonly clusterName: string;
  readonly settings: AwsSettings;
  readonly ami: pulumi.Input<string>;
  readonly subnetId: pulumi.Input<string>;
  readonly securityGroupId: pulumi.Input<string>;
  /** Who lets it out: at its first boot it fetches what keeps it up to date. Its subnet waits for its own routes. */
  readonly rules: pulumi.Resource;
}

/** Of the architecture that the servers have when it is made, so that one image serves both. */
export const BASTION_TYPES = { arm64: "t4g.nano", x86_64: "t3.micro" } as const;

/**
 * It keeps itself up to date (unattended-upgrades); another image, architecture or key of the servers is no reason to cut the
 * way to them. Its type stays with its image: one of another architecture would not start. And AWS tells an address that was
 * associated later as one that it was launched with, for which the provider would replace it (terraform-provider-aws #37318).
 */
const KEPT = ["ami", "instanceType", "userData", "associatePublicIpAddress"];

export class AwsBastion extends pulumi.ComponentResource {
  /** Public address; it stays when the bastion is replaced. */
  readonly address: pulumi.Output<string>;

  constructor(name: string, args: BastionArgs, options: pulumi.ComponentResourceOptions) {
    super("redis-cluster-kit:index:AwsBastion", name, {}, options);
    const { clusterName, settings, ami, subnetId, securityGroupId, rules } = args;
    const { ec2 } = loadAws();
    const tags = tagsOf({ clusterName, tags: settings.tags }, name, { [ROLE_TAG]: "bastion" });
    const instance = new ec2.Instance(
      name,
      {
        ami,
        instanceType: BASTION_TYPES[settings.architecture],
        subnetId,
        vpcSecurityGroupIds: [securityGroupId],
        associatePublicIpAddress: false,
        metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
        rootBlockDevice: {
          volumeType: "gp3",
          volumeSize: 8,
          encrypted: true,
          deleteOnTermination: true,
          tags,
        },
        ebsOptimized: true,
        userData: bastionUserData({ cluster: clusterName, publicKey: settings.sshPublicKey }),
        tags,
      },
      { parent: this, dependsOn: rules, ignoreChanges: KEPT },
    );
    const address = new ec2.Eip(name, { domain: "vpc", tags }, { parent: this });
    new ec2.EipAssociation(
      name,
      { instanceId: instance.id, allocationId: address.allocationId },
      { parent: this },
    );
    this.address = address.publicIp;
    this.registerOutputs({ address: this.address });
  }
}
