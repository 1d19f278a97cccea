/**
 * What is refused because of what AWS has, and what a server's turn is. Pure.
 * A changed address, zone or launch setting would replace interfaces, volumes or servers of the whole cluster at once:
 * both members of every shard. Only what goes through a turn, one server after another, may change.
 */
import { createHash } from "node:crypto";
import type { AwsSettings } from "../../config";
import type { PlannedNode } from "../../topology";
import { imageOf, shrinkProblems } from "./changes";
import type { AwsFacts, AwsImage, RunningServer } from "./facts";
import { problem, RefusedDeclaration } from "./refused";
import { subnetProblems } from "./subnet-checks";

export interface Declared {
  readonly nodes: readonly PlannedNode[];
  readonly settings: AwsSettings;
}

/** What one server is to be, as far as AWS had to be asked. */
export interface ServerPlan {
  readonly ami: string;
  /** Why the server is stopped or replaced in this run; "" where it is not. */
  readonly turn: string;
  /** Whether the server is there now. */
  readonly exists: boolean;
  /** Whether it is there and does not run. */
  readonly off: boolean;
}

export interface RolloutPlan {
  /** By node name. */
  readonly servers: Readonly<Record<string, ServerPlan>>;
  /** Whether any server has its turn. */
  readonly isRolling: boolean;
}

/** @throws RefusedDeclaration with all problems at once. */
export function planServers(declared: Declared, facts: AwsFacts): RolloutPlan {
  const problems = [
    ...zoneProblems(declared, facts),
    ...imageProblems(declared.settings, facts.image),
    ...subnetProblems(declared.settings, facts.subnets),
    ...shrinkProblems(declared.settings, facts.running),
    ...declared.nodes.flatMap((node) => moveProblems(node, declared.settings, facts.running)),
  ];
  if (problems.length > 0) throw new RefusedDeclaration(problems);
  const servers = Object.fromEntries(
    declared.nodes.map((node) => [node.name, planServer(node, declared.settings, facts)]),
  );
  return { servers, isRolling: Object.values(servers).some(({ turn }) => turn !== "") };
}

function planServer(node: PlannedNode, settings: AwsSettings, facts: AwsFacts): ServerPlan {
  const running = facts.running.find((server) => server.node === node.name);
  const ami = imageOf(running, settings, facts);
  if (running === undefined) return { ami, turn: "", exists: false, off: false };
  const changes = [
    running.ami === ami ? "" : `image ${running.ami} -> ${ami}`,
    running.instanceType === settings.instanceType
      ? ""
      : `type ${running.instanceType} -> ${settings.instanceType}`,
  ];
  return { ami, turn: changes.filter((change) => change !== "").join(", "), exists: true, off: running.off };
}

function zoneProblems({ nodes }: Declared, { zones }: AwsFacts): string[] {
  const unknown = [...new Set(nodes.map(({ zone }) => zone))].filter((zone) => !zones.includes(zone));
  if (unknown.length === 0) return [];
  return [
    problem(
      `zones: ${unknown.join(", ")}`,
      `zones of this account: ${zones.join(", ")}`,
      "name three of them under zones: in the stack file",
    ),
  ];
}

function imageProblems(settings: AwsSettings, image: AwsImage | undefined): string[] {
  if (image === undefined || image.architecture === settings.architecture) return [];
  return [
    problem(
      `aws.ami: ${image.id} is for ${image.architecture}`,
      `an image for ${settings.architecture}, the architecture of ${settings.instanceType}`,
      "name an image of that architecture, or an instance type of the image's; without aws.ami the kit finds an image that fits",
    ),
  ];
}

function moveProblems(node: PlannedNode, settings: AwsSettings, running: readonly RunningServer[]): string[] {
  const server = running.find((candidate) => candidate.node === node.name);
  if (server === undefined) return [];
  const cure =
    "set it back; to move a cluster, make a second one beside it and move the data (backup and restore)";
  const all = "it would replace every server, interface and volume at once, both members of each shard";
  const moves = [
    [`zone ${server.zone} -> ${node.zone}`, server.zone === node.zone],
    [`address ${server.address} -> ${node.host}`, server.address === node.host],
    [`launch settings (kmsKeyId, spreadPlacement)`, server.launch === launchOf(settings)],
  ] as const;
  return moves
    .filter(([, isSame]) => !isSame)
    .map(([what]) => problem(`${node.name}: ${what}`, `no change while the cluster exists: ${all}`, cure));
}

/** Settings that AWS only takes at launch and that are no part of a turn, as one short text. */
export function launchOf({ kmsKeyId = "", spreadPlacement }: AwsSettings): string {
  return createHash("sha256")
    .update(JSON.stringify([kmsKeyId, spreadPlacement]))
    .digest("hex")
    .slice(0, 12);
}
