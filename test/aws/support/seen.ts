/** What AWS (moto) has, as tests look at it. */
import * as sdk from "@aws-sdk/client-ec2";
import { DATA_DEVICE } from "../../../components/aws/tags";

export const NODE_TAG = "redis-cluster-kit:node";

export function tagOf(tags: sdk.Tag[] | undefined, key: string): string {
  return tags?.find((tag) => tag.Key === key)?.Value ?? "";
}

/** Servers that are there; `role` is "node" or "bastion". */
export async function serversIn(ec2: sdk.EC2Client, role: string): Promise<sdk.Instance[]> {
  const Filters = [
    { Name: "tag:redis-cluster-kit:role", Values: [role] },
    { Name: "instance-state-name", Values: ["running", "stopped"] },
  ];
  const { Reservations = [] } = await ec2.send(new sdk.DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

/** Id of the volume that is attached as a node's. */
export function dataVolumeOf(server: sdk.Instance | undefined): string {
  const attached = server?.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === DATA_DEVICE);
  return attached?.Ebs?.VolumeId ?? "";
}

/** Rules of a network's groups, "group port <- source" or "group port -> destination", sorted. */
export async function rulesIn(ec2: sdk.EC2Client, vpcId: string): Promise<string[]> {
  const { SecurityGroups = [] } = await ec2.send(new sdk.DescribeSecurityGroupsCommand({}));
  const names = new Map(SecurityGroups.map((group) => [group.GroupId, group.GroupName]));
  const ours = new Set(SecurityGroups.filter((group) => group.VpcId === vpcId).map((group) => group.GroupId));
  const { SecurityGroupRules = [] } = await ec2.send(new sdk.DescribeSecurityGroupRulesCommand({}));
  return SecurityGroupRules.filter((rule) => ours.has(rule.GroupId ?? ""))
    .map((rule) => {
      const other = rule.CidrIpv4 ?? names.get(rule.ReferencedGroupInfo?.GroupId);
      const ports = rule.FromPort === rule.ToPort ? rule.FromPort : `${rule.FromPort}-${rule.ToPort}`;
      const arrow = rule.IsEgress ? "->" : "<-";
      return `${names.get(rule.GroupId)} ${ports} ${arrow} ${other}`;
    })
    .sort();
}
