/** Steps that the slot mover carries out: the cluster as it needs to see it, and its progress as live status. */
import prettyBytes from "pretty-bytes";
import {
  type ClusterContext,
  type KeyConflict,
  type MoveNumbers,
  type MoveProgress,
  type MoveResult,
  moveSlots as move,
  repairSlots as repair,
} from "../mover";
import { parseClusterNodes } from "../parse";
import type { Step } from "../plan/types";
import { formatRanges } from "../slots";
import { letGossipSettle } from "./claims";
import { call, type StepContext, specOf } from "./context";

type Of<K extends Step["kind"]> = Extract<Step, { kind: K }>;

/** @throws MoveError; an Error that names every slot that could not move, with its reason. */
export async function moveSlots(step: Of<"moveSlots">, context: StepContext): Promise<void> {
  const members = await membersNow(context);
  const result = await move(
    { moves: step.moves },
    {
      ...shared(context),
      idOf: (name) => members.find((member) => member.name === name)?.id ?? "",
      primaries: members.filter((member) => member.primaryId === undefined).map((member) => member.name),
      replicasOf: (name) => {
        const id = members.find((member) => member.name === name)?.id;
        return members.filter((member) => member.primaryId === id).map((member) => member.name);
      },
      maxMigrationImpact: context.spec.maxMigrationImpact,
      progress: progressTo(context),
    },
  );
  report(result, context);
  if (result.refused.length > 0)
    throw new Error(
      result.refused
        .map((entry) => `slot ${entry.slot} stays on ${entry.source}: ${entry.reason}`)
        .join("\n"),
    );
}

/** @throws Error naming the slots that wait for a node that does not answer: their owner is never guessed. */
export async function repairSlots(step: Of<"repairSlots">, context: StepContext): Promise<void> {
  const nodes = [...context.spec.nodes, ...context.spec.leaving];
  await letGossipSettle(context);
  const result = await repair(step.slots, {
    ...shared(context),
    nodes,
    maxMigrationImpact: context.spec.maxMigrationImpact,
    progress: progressTo(context),
  });
  report(result, context);
  if (result.waiting.length > 0)
    throw new Error(
      result.waiting.map(({ slots, reason }) => `slots ${formatRanges(slots)}: ${reason}`).join("\n"),
    );
}

type Shared = Omit<ClusterContext, "idOf" | "primaries" | "replicasOf">;

function shared(context: StepContext): Shared {
  const { spec, clock, signal } = context;
  return {
    client: (name, options) => context.sessions.separate(specOf(context, name), options),
    addressOf: (name) => specOf(context, name),
    passwords: [spec.password, ...spec.previousPasswords],
    nodeTimeoutMs: spec.nodeTimeoutMs,
    clock,
    signal,
  };
}

interface Member {
  readonly name: string;
  readonly id: string;
  readonly primaryId: string | undefined;
}

async function membersNow(context: StepContext): Promise<Member[]> {
  const { nodes, leaving } = context.spec;
  const members = await Promise.all(
    [...nodes, ...leaving].map(async ({ name }): Promise<Member | undefined> => {
      const text = await call(context, name, "CLUSTER", "NODES").catch(() => undefined);
      if (text === undefined) return undefined;
      const { myself } = parseClusterNodes(String(text));
      return { name, id: myself.id, primaryId: myself.primaryId };
    }),
  );
  return members.filter((member) => member !== undefined);
}

function progressTo(context: StepContext): (event: MoveProgress) => void {
  return (event) => {
    if (event.kind === "warning") context.warn(event.text);
    else context.detail(describeNumbers(event));
  };
}

/** "1200 of 4096 slots, 300,000 of 1,000,000 keys, 42 MB (80 MB/s), 3 s left" */
function describeNumbers(numbers: MoveNumbers): string {
  const left = numbers.etaMs === undefined ? "" : `, ${Math.ceil(numbers.etaMs / 1000)} s left`;
  const keys = `${numbers.keysMoved.toLocaleString("en")} of ${numbers.keysTotal.toLocaleString("en")} keys`;
  const bytes = `${prettyBytes(numbers.bytesMoved)} (${prettyBytes(numbers.bytesPerSecond)}/s)`;
  return `${numbers.slotsDone} of ${numbers.slotsTotal} slots, ${keys}, ${bytes}${left}`;
}

function report(result: MoveResult, context: StepContext): void {
  for (const conflict of result.conflicts) context.warn(describeConflict(conflict));
}

function describeConflict(conflict: KeyConflict): string {
  const name = JSON.stringify(conflict.key.toString("utf8"));
  const aside = JSON.stringify(conflict.quarantineKey.toString("utf8"));
  return (
    `key ${name} (slot ${conflict.slot}) had two values: the one of ${conflict.kept} keeps the name, the one of ` +
    `${conflict.setAside} is kept under ${aside}; compare them and delete the one that is not wanted`
  );
}
