/** Steps that make a cluster of nodes: epochs, slots, introductions, replication. Each may be repeated. */
import { RedisReplyError } from "../client";
import { parseClusterNodes } from "../parse";
import type { Step } from "../plan/types";
import { expandRanges } from "../slots";
import { addressOf, type NodeSpec } from "../spec";
import { waitUntil } from "../wait";
import { BOUNDS, call, idOf, on, type StepContext, specsOf } from "./context";

type Of<K extends Step["kind"]> = Extract<Step, { kind: K }>;

export async function setEpochs(step: Of<"setEpochs">, context: StepContext): Promise<void> {
  await Promise.all(
    step.epochs.map(async ({ node, epoch }) => {
      try {
        await call(context, node, "CLUSTER", "SET-CONFIG-EPOCH", epoch);
      } catch (error) {
        // A repeated step, or a node that met somebody meanwhile: Redis resolves collisions by itself, only slower.
        if (!(error instanceof RedisReplyError && /config epoch/i.test(error.message))) throw error;
      }
    }),
  );
}

export async function assignSlots(step: Of<"assignSlots">, context: StepContext): Promise<void> {
  await Promise.all(
    step.assignments.map(async ({ node, slots }) => {
      const { myself } = parseClusterNodes(String(await call(context, node, "CLUSTER", "NODES")));
      const owned = new Set(expandRanges(myself.slots));
      const missing = expandRanges(slots).filter((slot) => !owned.has(slot));
      if (missing.length > 0) await call(context, node, "CLUSTER", "ADDSLOTS", ...missing);
    }),
  );
}

/**
 * Between all pairs: gossip alone would take seconds to introduce everybody. One direction is enough, the one that is met
 * answers with a handshake of its own. Repeated, from both sides, for those that are still unknown: Redis drops a
 * handshake that takes longer than the node timeout, which a busy machine makes it do.
 */
export async function meet(step: Of<"meet">, context: StepContext): Promise<void> {
  const members = specsOf(context, step.members);
  const newcomers = new Set(step.newcomers);
  const wanted = (member: NodeSpec) =>
    members.filter(
      (other) => other.name !== member.name && (newcomers.has(member.name) || newcomers.has(other.name)),
    );
  const order = new Map(members.map((member, index) => [member.name, index]));
  const after = (member: NodeSpec) =>
    wanted(member).filter((other) => (order.get(other.name) ?? 0) > (order.get(member.name) ?? 0));
  await introduce(members, after, context);
  let missing: Missing = new Map();
  let sentAt = context.clock.now();
  await waitUntil(
    async () => {
      if (context.clock.now() - sentAt > REINTRODUCE_MS) {
        await introduce(members, (member) => missing.get(member.name) ?? [], context);
        sentAt = context.clock.now();
      }
      missing = await unknownTo(members, wanted, context);
      const [first] = missing;
      return (
        first === undefined || `${first[0]} does not know ${first[1].map((node) => node.name).join(", ")}`
      );
    },
    { ...context, timeoutMs: BOUNDS.settleMs, what: "all nodes to know each other" },
  );
}

/** A node that is not known by then has dropped its handshake or never got to it. Asking twice does no harm. */
const REINTRODUCE_MS = 3_000;

type Missing = ReadonlyMap<string, readonly NodeSpec[]>;

async function introduce(
  members: readonly NodeSpec[],
  wanted: (member: NodeSpec) => readonly NodeSpec[],
  context: StepContext,
): Promise<void> {
  await Promise.all(
    members.map((member) =>
      on(context, member.name, async (client) => {
        const replies = await client.pipeline(wanted(member).map(meetCommand));
        const failed = replies.find((reply) => reply instanceof RedisReplyError);
        if (failed) throw failed;
      }),
    ),
  );
}

/** For each member the wanted nodes that it does not list at their address, handshakes not counted. */
async function unknownTo(
  members: readonly NodeSpec[],
  wanted: (member: NodeSpec) => readonly NodeSpec[],
  context: StepContext,
): Promise<Missing> {
  const missing = await Promise.all(
    members.map(async (member) => {
      const { peers } = parseClusterNodes(String(await call(context, member.name, "CLUSTER", "NODES")));
      const known = new Set(peers.filter((peer) => !peer.flags.includes("handshake")).map(addressOf));
      return [member.name, wanted(member).filter((other) => !known.has(addressOf(other)))] as const;
    }),
  );
  return new Map(missing.filter(([, others]) => others.length > 0));
}

/** The bus port is given where it is not data port + 10000 (Redis 4 and later take it as third argument). */
function meetCommand(node: NodeSpec): [string, ...(string | number)[]] {
  const command: [string, ...(string | number)[]] = ["CLUSTER", "MEET", node.host, node.port];
  return node.busPort === node.port + 10000 ? command : [...command, node.busPort];
}

/** CLUSTER REPLICATE as soon as the replica knows its primary; until then Redis answers "Unknown node". */
export async function replicate(step: Of<"replicate">, context: StepContext): Promise<void> {
  const primaries = [...new Set(step.links.map((link) => link.primary))];
  const ids = new Map(
    await Promise.all(primaries.map(async (primary) => [primary, await idOf(context, primary)] as const)),
  );
  await Promise.all(
    step.links.map(({ replica, primary }) =>
      waitUntil(
        async () => {
          try {
            await call(context, replica, "CLUSTER", "REPLICATE", ids.get(primary) ?? "");
            return true;
          } catch (error) {
            // "Unknown node": the introduction is on its way. "only replicate a master": its role is not known yet.
            if (
              error instanceof RedisReplyError &&
              /Unknown node|only replicate a master/i.test(error.message)
            )
              return error.message;
            throw error;
          }
        },
        { ...context, timeoutMs: BOUNDS.knownMs, what: `${replica} to know ${primary}` },
      ),
    ),
  );
}

/** CONFIG SET on running nodes; the file on disk says the same afterwards where the engine's host writes it. */
export async function setLive(step: Of<"setLive">, context: StepContext): Promise<void> {
  await Promise.all(
    step.nodes.map((node) => call(context, node, "CONFIG", "SET", step.directive, step.value)),
  );
}
