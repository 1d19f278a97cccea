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
import { machineProblems, machineWarnings } from "./machine";
import { problem, RefusedDeclaration } from "./refused";
import { subnetProblems } from "./subnet-checks";

export interface Declared {
  readonly nodes: readonly PlannedNode[];
  readonly settings: AwsSettings;
  /** redis.maxmemory; 0 where none is declared. */
  readonly maxmemoryBytes: number;
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
  /** For the user: what does not go with AWS and is no reason to stop. */
  readonly warnings: readonly string[];
}

/** @throws RefusedDeclaration with all problems at once. */
export function planServers(declared: Declared, facts: AwsFacts): RolloutPlan {
  const { settings, maxmemoryBytes } = declared;
  const servers = Object.fromEntries(
    declared.nodes.map((node) => [node.name, planServer(node, settings, facts)]),
  );
  const { machine } = facts;
  const problems = [
    ...zoneProblems(declared, facts, servers),
    ...(machine === undefined ? [] : machineProblems(settings, machine, maxmemoryBytes)),
    ...imageProblems(declared.settings, facts.image),
    ...subnetProblems(declared.settings, facts.subnets),
    ...shrinkProblems(declared.settings, facts.running),
    ...declared.nodes.flatMap((node) => moveProblems(node, declared.settings, facts.running)),
  ];
  if (problems.length > 0) throw new RefusedDeclaration(problems);
  const warnings = [
    ...zoneWarnings(declared, facts),
    ...(machine === undefined ? [] : machineWarnings(settings, machine, maxmemoryBytes)),
  ];
  return { servers, isRolling: Object.values(servers).some(({ turn }) => turn !== ""), warnings };
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

/** Nodes that are there stay where they are. A zone is needed by those that are made, and those that are made again. */
function zoneProblems({ nodes }: Declared, { zones }: AwsFacts, servers: RolloutPlan["servers"]): string[] {
  const needed = nodes.filter(({ name }) => !servers[name]?.exists);
  const unknown = lacking(needed, zones);
  const rolling = nodes.filter(({ name, zone }) => servers[name]?.turn && !zones.includes(zone));
  return [
    ...(unknown.length === 0
      ? []
      : [
          problem(
            `zones: ${unknown.join(", ")}`,
            `zones of this account: ${zones.join(", ")}`,
            "name three of them under zones: in the stack file",
          ),
        ]),
    ...rolling.map(({ name, zone }) =>
      problem(
        `${name}: ${servers[name]?.turn}, in ${zone}`,
        `no change of a server whose zone AWS does not offer (${zones.join(", ")}): it could not be made again`,
        "set the change back until AWS offers the zone again",
      ),
    ),
  ];
}

function zoneWarnings({ nodes }: Declared, { zones, running }: AwsFacts): string[] {
  return lacking(
    nodes.filter(({ name }) => running.some((server) => server.node === name)),
    zones,
  ).map(
    (zone) =>
      `AWS does not offer ${zone} at the moment. The nodes in it stay as they are; a server of theirs that is lost cannot be made again until it does.`,
  );
}

/** Zones of the nodes that AWS does not offer, each once. */
function lacking(nodes: readonly PlannedNode[], zones: readonly string[]): string[] {
  return [...new Set(nodes.map(({ zone }) => zone))].filter((zone) => !zones.includes(zone));
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
