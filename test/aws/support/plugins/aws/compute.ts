/** Servers, their interfaces and volumes. */
import * as sdk from "@aws-sdk/client-ec2";
import {
  type Bag,
  ec2,
  type Kind,
  must,
  optional,
  part,
  ROOT_DEVICE,
  setTags,
  tagged,
  tagList,
  text,
} from "./client";
import { tell } from "./machines";

const networkInterface: Kind = {
  forceNew: ["subnetId", "privateIps"],
  async create(inputs) {
    const [address] = inputs.privateIps as string[];
    const { NetworkInterface } = await ec2.send(
      new sdk.CreateNetworkInterfaceCommand({
        SubnetId: text(inputs, "subnetId"),
        PrivateIpAddress: must(address, "an address"),
        Groups: inputs.securityGroups as string[],
        Description: text(inputs, "description"),
        ...tagged("network-interface", inputs),
      }),
    );
    return { id: must(NetworkInterface?.NetworkInterfaceId, "NetworkInterfaceId") };
  },
  delete: (id) => ec2.send(new sdk.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id })),
};

const volume: Kind = {
  forceNew: ["availabilityZone", "encrypted", "kmsKeyId", "snapshotId"],
  async create(inputs) {
    const { VolumeId } = await ec2.send(
      new sdk.CreateVolumeCommand({
        AvailabilityZone: text(inputs, "availabilityZone"),
        Size: Number(inputs.size),
        VolumeType: "gp3",
        Encrypted: inputs.encrypted === true,
        ...tagged("volume", inputs),
      }),
    );
    return { id: must(VolumeId, "VolumeId") };
  },
  inPlace: {
    // Machines of a test do not see it: a file system that is in use cannot grow in the lab (CAP_SYS_RESOURCE).
    size: (id, { size }) => resize(id, Number(size)),
  },
  async isThere(id) {
    const Filters = [{ Name: "volume-id", Values: [id] }];
    return (await ec2.send(new sdk.DescribeVolumesCommand({ Filters }))).Volumes?.length === 1;
  },
  async delete(id) {
    await ec2.send(new sdk.DeleteVolumeCommand({ VolumeId: id }));
    await tell("deleteVolume", { volumeId: id });
  },
};

/** As AWS does: moto would make a volume smaller. */
async function resize(id: string, size: number): Promise<void> {
  const { Volumes } = await ec2.send(new sdk.DescribeVolumesCommand({ VolumeIds: [id] }));
  const is = Volumes?.[0]?.Size ?? 0;
  if (size < is)
    throw new Error(`InvalidParameterValue: New size cannot be smaller than existing size ${is}`);
  if (size > is) await ec2.send(new sdk.ModifyVolumeCommand({ VolumeId: id, Size: size }));
}

const volumeAttachment: Kind = {
  forceNew: ["deviceName", "instanceId", "volumeId"],
  async create(inputs, name) {
    const instanceId = text(inputs, "instanceId");
    const volumeId = text(inputs, "volumeId");
    const Device = text(inputs, "deviceName");
    await ec2.send(new sdk.AttachVolumeCommand({ Device, InstanceId: instanceId, VolumeId: volumeId }));
    await tell("attach", { instanceId, volumeId });
    return { id: `vai-${name}` };
  },
  async isThere(_id, state) {
    const Filters = [{ Name: "volume-id", Values: [text(state, "volumeId")] }];
    const { Volumes } = await ec2.send(new sdk.DescribeVolumesCommand({ Filters }));
    const attachments = Volumes?.[0]?.Attachments ?? [];
    return attachments.some(({ InstanceId }) => InstanceId === state.instanceId);
  },
  async delete(_id, state) {
    const InstanceId = text(state, "instanceId");
    const volumeId = text(state, "volumeId");
    if (state.stopInstanceBeforeDetaching === true) await stop(InstanceId);
    await ec2.send(new sdk.DetachVolumeCommand({ InstanceId, VolumeId: volumeId }));
    await tell("detach", { volumeId });
  },
};

/** What only the launch can set replaces; the type changes on the stopped server. */
const instance: Kind = {
  forceNew: [
    "ami",
    "subnetId",
    "primaryNetworkInterface",
    "placementGroup",
    "keyName",
    "associatePublicIpAddress",
    "rootBlockDevice.encrypted",
    "rootBlockDevice.kmsKeyId",
  ],
  async create(inputs) {
    const { Instances } = await ec2.send(new sdk.RunInstancesCommand(launch(inputs)));
    const id = must(Instances?.[0]?.InstanceId, "InstanceId");
    await tell("run", { instanceId: id });
    return { id };
  },
  inPlace: {
    instanceType: async (id, { instanceType }) => {
      await stop(id);
      await ec2.send(
        new sdk.ModifyInstanceAttributeCommand({
          InstanceId: id,
          InstanceType: { Value: String(instanceType) },
        }),
      );
      await ec2.send(new sdk.StartInstancesCommand({ InstanceIds: [id] }));
      await tell("start", { instanceId: id });
    },
    rootBlockDevice: async (id, inputs, before) => {
      const root = part(inputs, "rootBlockDevice");
      if (root.volumeType !== part(before, "rootBlockDevice").volumeType)
        throw new Error("the stand-in does not follow a change of the root volume's type");
      const volumeId = await rootVolume(id);
      await resize(volumeId, Number(root.volumeSize));
      await setTags(volumeId, root, part(before, "rootBlockDevice"));
    },
    disableApiTermination: (id, { disableApiTermination }) => protect(id, disableApiTermination === true),
    // Of the real provider's own state only.
    forceDestroy: async () => undefined,
  },
  async isThere(id) {
    return (await described(id)).State?.Name !== "terminated";
  },
  // An address that was associated later is told as well (terraform-provider-aws #37318).
  async asTold(id) {
    return { associatePublicIpAddress: (await described(id)).PublicIpAddress !== undefined };
  },
  async delete(id, state) {
    if (state.forceDestroy === true) await protect(id, false);
    await ec2.send(new sdk.TerminateInstancesCommand({ InstanceIds: [id] }));
    await tell("terminate", { instanceId: id });
  },
};

async function described(id: string): Promise<sdk.Instance> {
  const { Reservations } = await ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [id] }));
  return must(Reservations?.[0]?.Instances?.[0], `the server ${id}`);
}

async function rootVolume(id: string): Promise<string> {
  const { BlockDeviceMappings = [] } = await described(id);
  const root = BlockDeviceMappings.find(({ DeviceName }) => DeviceName === ROOT_DEVICE);
  return must(root?.Ebs?.VolumeId, `the root volume of ${id}`);
}

async function stop(id: string): Promise<void> {
  await ec2.send(new sdk.StopInstancesCommand({ InstanceIds: [id] }));
  await tell("stop", { instanceId: id });
}

function protect(id: string, Value: boolean): Promise<unknown> {
  return ec2.send(
    new sdk.ModifyInstanceAttributeCommand({ InstanceId: id, DisableApiTermination: { Value } }),
  );
}

function launch(inputs: Bag): sdk.RunInstancesCommandInput {
  const networkInterfaceId = optional(part(inputs, "primaryNetworkInterface"), "networkInterfaceId");
  const metadata = part(inputs, "metadataOptions");
  const root = part(inputs, "rootBlockDevice");
  const profile = optional(inputs, "iamInstanceProfile");
  const place =
    networkInterfaceId === undefined
      ? { SubnetId: text(inputs, "subnetId"), SecurityGroupIds: inputs.vpcSecurityGroupIds as string[] }
      : { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: networkInterfaceId }] };
  return {
    MinCount: 1,
    MaxCount: 1,
    ImageId: text(inputs, "ami"),
    InstanceType: text(inputs, "instanceType") as sdk._InstanceType,
    ...place,
    ...(profile === undefined ? {} : { IamInstanceProfile: { Name: profile } }),
    MetadataOptions: {
      HttpTokens: String(metadata.httpTokens) as sdk.HttpTokensState,
      HttpEndpoint: "enabled",
      HttpPutResponseHopLimit: Number(metadata.httpPutResponseHopLimit),
    },
    BlockDeviceMappings: [
      {
        DeviceName: ROOT_DEVICE,
        Ebs: {
          VolumeSize: Number(root.volumeSize),
          VolumeType: "gp3",
          Encrypted: root.encrypted === true,
          DeleteOnTermination: true,
        },
      },
    ],
    DisableApiTermination: inputs.disableApiTermination === true,
    EbsOptimized: inputs.ebsOptimized === true,
    UserData: Buffer.from(text(inputs, "userData")).toString("base64"),
    TagSpecifications: [{ ResourceType: "instance", Tags: tagList(inputs.tags) }],
  };
}

export const COMPUTE: Readonly<Record<string, Kind>> = {
  "aws:ec2/networkInterface:NetworkInterface": networkInterface,
  "aws:ebs/volume:Volume": volume,
  "aws:ec2/volumeAttachment:VolumeAttachment": volumeAttachment,
  "aws:ec2/instance:Instance": instance,
};
