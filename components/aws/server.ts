/** One node's server. Address and data volume are the node's; the server in between can be replaced. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config";
import { nodeUserData } from "../../templates/aws/user-data";
import type { PlannedNode } from "../../topology";
import { launchOf } from "./guard";
import { loadAws } from "./sdk";
import { DATA_DEVICE, LAUNCH_TAG, NODE_TAG, ROLE_TAG, tagsOf } from "./tags";

export interface ServerArgs {
  readonly clusterName: string;
  readonly node: PlannedNode;
  readonly settings: AwsSettings;
  readonly ami: pulumi.Input<string>;
  readonly subnetId: pulumi.Input<string>;
  readonly securityGroupId: pulumi.Input<string>;
  readonly instanceProfile: pulumi.Input<string>;
  readonly placementGroup: pulumi.Input<string> | undefined;
  /** What must have happened before the server itself is touched: its handover, and its predecessor's whole turn. */
  readonly turnAfter: pulumi.Input<pulumi.Resource[]>;
}

export class AwsServer extends pulumi.ComponentResource {
  readonly instanceId: pulumi.Output<string>;
  /** The data volume is attached when this is. */
  readonly attachment: pulumi.Resource;

  constructor(
    private readonly name: string,
    private readonly args: ServerArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("redis-cluster-kit:index:AwsServer", name, {}, options);
    const networkInterface = this.createInterface();
    const volume = this.createVolume();
    const instance = this.createInstance(networkInterface.id, volume.id);
    this.instanceId = instance.id;
    this.attachment = this.attach(volume.id, instance.id);
    this.registerOutputs({ instanceId: this.instanceId });
  }

  private tags(name: string, more: Record<string, string> = {}): Record<string, string> {
    const { clusterName, settings, node } = this.args;
    return tagsOf({ clusterName, tags: settings.tags }, name, { [NODE_TAG]: node.name, ...more });
  }

  /** Its fixed address is what the node announces. */
  private createInterface() {
    const { node, subnetId, securityGroupId, clusterName } = this.args;
    const name = `${this.name}-address`;
    return new (loadAws().ec2.NetworkInterface)(
      name,
      {
        subnetId,
        privateIps: [node.host],
        securityGroups: [securityGroupId],
        description: `${node.name} of ${clusterName}`,
        tags: this.tags(name),
      },
      { parent: this },
    );
  }

  /** Kept when it leaves the declaration, unless destroying is allowed: Pulumi forgets it, AWS does not. */
  private createVolume() {
    const { node, settings } = this.args;
    const name = `${this.name}-data`;
    return new (loadAws().ebs.Volume)(
      name,
      {
        availabilityZone: node.zone,
        size: settings.dataVolumeGib,
        type: "gp3",
        encrypted: true,
        ...(settings.kmsKeyId === undefined ? {} : { kmsKeyId: settings.kmsKeyId }),
        tags: this.tags(name),
      },
      { parent: this, retainOnDelete: !settings.allowDestroy },
    );
  }

  private createInstance(networkInterfaceId: pulumi.Output<string>, volumeId: pulumi.Output<string>) {
    const { clusterName, node, settings, ami, instanceProfile, placementGroup, turnAfter } = this.args;
    const { kmsKeyId, sshPublicKey: publicKey } = settings;
    const tags = this.tags(this.name, { [ROLE_TAG]: "node", [LAUNCH_TAG]: launchOf(settings) });
    return new (loadAws().ec2.Instance)(
      this.name,
      {
        ami,
        instanceType: settings.instanceType,
        primaryNetworkInterface: { networkInterfaceId },
        iamInstanceProfile: instanceProfile,
        metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
        rootBlockDevice: {
          volumeType: "gp3",
          volumeSize: settings.rootVolumeGib,
          encrypted: true,
          deleteOnTermination: true,
          ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
          tags: this.tags(`${this.name}-root`),
        },
        ebsOptimized: true,
        monitoring: settings.detailedMonitoring,
        disableApiTermination: !settings.allowDestroy,
        // The provider lifts termination protection where this program replaces a server; nobody else can end one.
        forceDestroy: true,
        ...(placementGroup === undefined ? {} : { placementGroup }),
        userData: volumeId.apply((id) =>
          nodeUserData({ cluster: clusterName, node: node.name, volumeId: id, publicKey }),
        ),
        tags,
      },
      {
        parent: this,
        dependsOn: turnAfter,
        // Its interface and volume can be in one server at a time.
        deleteBeforeReplace: true,
        // Only read at the first boot, and a change would stop the server without a turn.
        ignoreChanges: ["userData"],
        customTimeouts: { create: "15m", update: "15m", delete: "15m" },
      },
    );
  }

  private attach(volumeId: pulumi.Output<string>, instanceId: pulumi.Output<string>): pulumi.Resource {
    return new (loadAws().ec2.VolumeAttachment)(
      `${this.name}-data`,
      { deviceName: DATA_DEVICE, volumeId, instanceId, stopInstanceBeforeDetaching: true },
      { parent: this, deleteBeforeReplace: true },
    );
  }
}
