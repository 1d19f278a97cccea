/** `bench load`: what the live cluster serves, and what one server alone would. */
import type { ClusterStatus } from "../../cluster/status";
import { probeTcp } from "../../hosts/local/sockets";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { NotConfirmedError, UsageError } from "../errors";
import { inspect, isSilent } from "../inspect";
import { runLoad } from "../load/run";
import { KEYS_PER_NODE } from "../load/types";
import { loadText } from "../print/load";
import { bytes, plural } from "../print/units";
import type { World } from "../world";
import type { ChangeOptions } from "./apply";

export interface LoadCommandOptions extends ChangeOptions {
  /** Of each measurement. Default 5. */
  readonly seconds?: number;
  /** Requests under way at a time. Default 50. */
  readonly clients?: number;
  /** Commands that redis-benchmark sends at once. Default 1. */
  readonly pipeline?: number;
}

const CONNECT_MS = 3_000;
/** A key of a run with its value, its expiry and what Redis needs for them, generously. */
const BYTES_PER_KEY = 400;
/** redis-benchmark's and ioredis's, and buffers of their connections. */
const ROOM_BYTES = 2 * KEYS_PER_NODE * BYTES_PER_KEY + 8 * 1024 ** 2;

export async function loadCommand(
  target: Target,
  options: LoadCommandOptions,
  world: World,
): Promise<Answer> {
  const { seconds = 5, clients = 50, pipeline = 1 } = options;
  const settings = { seconds, clients, pipeline };
  if (target.kind !== "local" && !options.yes) await ask(target, settings, world);
  const { status, view } = await inspect(target);
  if (isSilent(view)) throw new UsageError(`none of the ${view.nodes.length} nodes answers`);
  refuse(status);
  const owners = new Set(
    status.nodes.filter((node) => node.role === "primary" && node.slotCount > 0).map(({ name }) => name),
  );
  const primaries = target.spec.nodes.filter(({ name }) => owners.has(name));
  for (const { name, host, port } of target.spec.nodes)
    if ((await probeTcp(host, port, CONNECT_MS)) !== "open")
      throw new UsageError(
        `${name} (${host}:${port}) cannot be reached from this machine, as clients would. Run this where they run.`,
      );
  const { say } = world;
  const report = await runLoad(target, { settings, primaries, say, signal: world.interruption() });
  return { exitCode: 0, json: report, text: (style) => loadText(report, style) };
}

async function ask(
  { spec, kind }: Target,
  { clients, seconds }: { readonly clients: number; readonly seconds: number },
  world: World,
): Promise<void> {
  const what = `${spec.name} runs on servers (target ${kind}): ${plural(clients, "client")} will ask it as much as it can answer for up to ${6 * seconds} s, and its users wait beside them.`;
  if (!world.confirm) throw new UsageError(`${what} Nobody can be asked here. If it is to be: --yes`);
  world.say(what);
  if (!(await world.confirm("Load it?"))) throw new NotConfirmedError("nothing was done");
}

/** Load must not make an ill cluster worse, nor push its users' keys out. @throws UsageError */
function refuse({ name, healthy, nodes }: ClusterStatus): void {
  if (!healthy)
    throw new UsageError(`${name} is not healthy and is not loaded: \`redis-cluster-kit doctor\` says why.`);
  for (const { name: node, role, maxmemoryBytes, usedMemoryBytes } of nodes) {
    const free = maxmemoryBytes - usedMemoryBytes;
    if (role === "primary" && maxmemoryBytes > 0 && free < ROOM_BYTES)
      throw new UsageError(
        `${node} has ${bytes(Math.max(0, free))} left below its maxmemory. The keys of this run need ${bytes(ROOM_BYTES)} and would push others out.`,
      );
  }
}
