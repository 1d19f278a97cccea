/** Whether the user's own subnets are what they were declared to be, and lead where servers must get. Pure. */
import type { AwsSettings, AwsSubnet } from "../../config";
import { problem } from "./refused";
import type { AwsSubnetFacts } from "./subnet-facts";

const LOOK = "look it up: aws ec2 describe-subnets, and correct the stack file";

export function subnetProblems(settings: AwsSettings, facts: readonly AwsSubnetFacts[]): string[] {
  return settings.subnets.flatMap((declared) => {
    const found = facts.find(({ id }) => id === declared.id);
    const gate = facts.find(({ id }) => id === declared.publicId);
    return [
      ...(found === undefined ? [] : nodeSubnetProblems(declared, found, settings)),
      ...(gate === undefined ? [] : bastionSubnetProblems(declared, gate, settings)),
    ];
  });
}

function nodeSubnetProblems(declared: AwsSubnet, found: AwsSubnetFacts, settings: AwsSettings): string[] {
  const place = `aws.subnets: ${found.id}`;
  const { vpcId, nat } = settings;
  const isOut = nat === "none" || found.wayOut === "something else";
  return [
    ...placeProblems(declared, found, settings),
    ...(found.cidr === declared.cidr
      ? []
      : [problem(`${place} has ${found.cidr}`, `its own block, not ${declared.cidr}`, LOOK)]),
    ...(isOut || found.vpcId !== vpcId
      ? []
      : [
          problem(
            `${place} leads to ${found.wayOut === "nothing" ? "nothing outside" : "an internet gateway"}`,
            "a route for 0.0.0.0/0 to a NAT gateway or the like: servers have no public address and fetch packages",
            "add the route, or where image or mirror has everything: pulumi config set --path aws.nat none",
          ),
        ]),
    ...found.taken.map((address) =>
      problem(
        `${place}: ${address} is somebody else's`,
        "an address that is free: nodes have fixed ones",
        "free it (aws ec2 describe-network-interfaces), or begin elsewhere: pulumi config set --path aws.addressOffset NUMBER",
      ),
    ),
  ];
}

function bastionSubnetProblems(declared: AwsSubnet, gate: AwsSubnetFacts, settings: AwsSettings): string[] {
  const isReached = settings.access !== "bastion" || gate.wayOut === "internet gateway";
  return [
    ...placeProblems(declared, gate, settings),
    ...(isReached || gate.vpcId !== settings.vpcId
      ? []
      : [
          problem(
            `aws.subnets: ${gate.id} has no route to an internet gateway`,
            "a public subnet: the bastion is reached in it",
            "name a public subnet as publicId, or reach the servers yourself: pulumi config set --path aws.access direct",
          ),
        ]),
  ];
}

function placeProblems(declared: AwsSubnet, found: AwsSubnetFacts, { vpcId }: AwsSettings): string[] {
  const place = `aws.subnets: ${found.id}`;
  return [
    ...(found.zone === declared.zone
      ? []
      : [problem(`${place} lies in ${found.zone}`, `a subnet in ${declared.zone}`, LOOK)]),
    ...(found.vpcId === vpcId
      ? []
      : [problem(`${place} belongs to ${found.vpcId}`, `a subnet of ${vpcId}`, LOOK)]),
  ];
}
