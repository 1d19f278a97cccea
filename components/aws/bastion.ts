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
}

/** Of the servers' architecture, so that one image serves both. */
export const BASTION_TYPES = { arm64: "t4g.nano", x86_64: "t3.micro" } as const;

export class AwsBastion extends pulumi.ComponentResource {
  /** Public address; it stays when the bastion is replaced. */
  readonly address: pulumi.Output<string>;

  constructor(name: string, args: BastionArgs, options: pulumi.ComponentResourceOptions) {
    super("redis-cluster-kit:index:AwsBastion", name, {}, options);
    const { clusterName, settings, ami, subnetId, securityGroupId } = args;
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
      // It keeps itself up to date (unattended-upgrades); a new image or key for the servers is no reason to cut the way to them.
      { parent: this, ignoreChanges: ["ami", "userData"] },
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
