/**
 * The security groups that moto keeps, enforced on the lab's bridge: a connection is opened only where a rule of the sender's
 * group lets it out and one of the receiver's lets it in. Connections that are open stay, as in EC2.
 */
import {
  DescribeSecurityGroupRulesCommand,
  type EC2Client,
  type SecurityGroupRule,
} from "@aws-sdk/client-ec2";
import { command } from "../lab/command";
import { inNetwork, type LabNetwork } from "../lab/network";

/** Addresses of the members of each group. */
export type Members = ReadonlyMap<string, readonly string[]>;

const TABLE = "bridge security-groups";

export async function enforce(ec2: EC2Client, network: LabNetwork, members: Members): Promise<void> {
  const { SecurityGroupRules = [] } = await ec2.send(new DescribeSecurityGroupRulesCommand({}));
  const lines = [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    `add chain ${TABLE} out`,
    `add chain ${TABLE} in`,
    ...SecurityGroupRules.flatMap((rule) => ruleLine(rule, members)),
  ];
  const all = [...new Set([...members.values()].flat())];
  if (all.length > 0)
    lines.push(
      `add rule ${TABLE} out ip saddr ${set(all)} drop`,
      `add rule ${TABLE} in ip daddr ${set(all)} drop`,
      `add chain ${TABLE} forward { type filter hook forward priority 10; }`,
      `add rule ${TABLE} forward tcp flags & (syn | ack) == syn jump out`,
      `add rule ${TABLE} forward tcp flags & (syn | ack) == syn jump in`,
    );
  await command(inNetwork(network, ["nft", "-f", "-"]), { stdin: `${lines.join("\n")}\n` });
}

function ruleLine(rule: SecurityGroupRule, members: Members): string[] {
  const own = members.get(rule.GroupId ?? "") ?? [];
  const group = rule.ReferencedGroupInfo?.GroupId;
  const others = group === undefined ? [rule.CidrIpv4 ?? ""] : (members.get(group) ?? []);
  if (own.length === 0 || others.length === 0) return [];
  const [chain, from, to] = rule.IsEgress ? (["out", own, others] as const) : (["in", others, own] as const);
  const ports = `${rule.FromPort}-${rule.ToPort}`;
  return [`add rule ${TABLE} ${chain} ip saddr ${set(from)} ip daddr ${set(to)} tcp dport ${ports} return`];
}

function set(addresses: readonly string[]): string {
  return `{ ${addresses.join(", ")} }`;
}
