/** The acts of a drill: the failover, by request or by crash, and putting everything back. */
import type { Step } from "../plan/types";
import type { NodeSpec } from "../spec";
import { execute } from "../steps";
import type { StepContext } from "../steps/context";
import { settle } from "../steps/settle";
import { waitUntil } from "../wait";
import type { Stage } from "./stage";

/** Bounds on waits, in ms. */
const SOON_MS = 10_000;
const DEATH_MS = 30_000;

/** Redis's own election: 1 to 1.5 node timeouts, 0.5 to 1 s, 1 s per rank, and votes can be missed; so several times that. */
function electionBoundMs({ spec }: Stage): number {
  return 20_000 + 6 * spec.nodeTimeoutMs;
}

/** Returns once every node that lives sees the new primary. Time counts from the cause on. */
export async function causeFailover(stage: Stage): Promise<void> {
  const { request, record, scene, options, context } = stage;
  const [heir] = scene.replicas;
  if (!heir) throw new Error(`${scene.primary.name} has no replica`);
  switch (request.mode) {
    case "planned":
      record.startClock();
      record.add("requested", `${heir.name} is asked to take over from ${scene.primary.name}`);
      await execute(failoverStep(heir, scene.primary, "planned"), context);
      break;
    case "crash":
      await kill(stage);
      await proveDeath(stage);
      await execute(failoverStep(heir, scene.primary, "force"), context);
      break;
    case "crash-auto":
      await kill(stage);
      await record.waitFor("elected", electionBoundMs(stage), options.signal);
      break;
    default:
      unknownMode(request.mode);
  }
  await record.waitFor("elected", SOON_MS, options.signal);
  const living = stage.spec.nodes.filter((node) => request.mode === "planned" || node !== scene.primary);
  await settle(
    living.map(({ name }) => name),
    context,
    { agreementOnly: true },
  );
  record.add("agreed", "every node sees the new primary");
}

function unknownMode(mode: never): never {
  throw new Error(`unknown mode: ${String(mode)}`);
}

function failoverStep(replica: NodeSpec, primary: NodeSpec, mode: "planned" | "force"): Step {
  return {
    kind: "failover",
    shard: primary.shard,
    replica: replica.name,
    primary: primary.name,
    mode,
    reason: "failover drill",
  };
}

async function kill({ record, scene: { primary }, options, context }: Stage): Promise<void> {
  record.startClock();
  record.add("killed", `${primary.name} is killed`);
  context.sessions.forget(primary.name);
  await options.hosts(primary).stop(primary, { kill: true });
}

/** Fencing: nothing is forced before the host says that the process is gone. */
async function proveDeath({ record, scene: { primary }, options, clock }: Stage): Promise<void> {
  await waitUntil(
    async () => {
      const { process, detail } = await options.hosts(primary).inspect(primary);
      return process === "stopped" || `${process} ${detail ?? ""}`;
    },
    { clock, signal: options.signal, timeoutMs: DEATH_MS, what: `proof that ${primary.name} is dead` },
  );
  record.add("proven-dead", `the host of ${primary.name} says that its process is gone`);
}

/**
 * A killed node is started first. Then all must agree and be in sync: a node that comes back believes for a moment that
 * it is still the primary, and a handover to a replica that still copies would make clients wait.
 */
export async function handBack(
  { request, record, scene: { primary }, spec }: Stage,
  heir: NodeSpec | undefined,
  context: StepContext,
): Promise<void> {
  const names = spec.nodes.map(({ name }) => name);
  if (request.mode !== "planned") {
    record.add("restarting", `${primary.name} is started again`);
    await execute({ kind: "startNodes", nodes: [primary.name], reason: "failover drill" }, context);
    record.add("restarted", `${primary.name} runs again`);
  }
  await settle(names, context);
  record.add("in-sync", `${primary.name} has all that its shard has`);
  if (!heir || heir === primary) return;
  record.add("handback", `${primary.name} is asked to take over again`);
  await execute(failoverStep(primary, heir, "planned"), context);
  await settle(names, context);
  record.add("handed-back", "roles are as before");
}
