/** `drill`: a failover under writes, measured and put back. The drill itself is in cluster/drill. */
import { writeFile } from "node:fs/promises";
import {
  type Drill,
  type DrillEvent,
  type DrillMode,
  type DrillReport,
  drill,
  timelineSvg,
} from "../../cluster/drill";
import { errorText } from "../../hosts/local/files";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { NotConfirmedError, UsageError } from "../errors";
import { inspect, isSilent } from "../inspect";
import { drillText } from "../print/drill";
import { duration } from "../print/units";
import type { World } from "../world";
import type { ChangeOptions } from "./apply";

export interface DrillOptions extends ChangeOptions {
  readonly crash?: boolean;
  readonly auto?: boolean;
  /** From 1. */
  readonly shard?: number;
  readonly rate?: number;
  /** File for the picture. */
  readonly svg?: string;
}

export async function drillCommand(target: Target, options: DrillOptions, world: World): Promise<Answer> {
  const mode = modeOf(options);
  const shard = shardOf(target, options);
  if (mode !== "planned" && !options.yes) await ask(target, shard, mode, world);
  if (options.svg !== undefined) await tryFile(options.svg);
  const request = { mode, shard, ...(options.rate === undefined ? {} : { ratePerSecond: options.rate }) };
  const result = await drill(target.spec, request, {
    hosts: target.hosts,
    signal: world.interruption(),
    onEvent: (event) => world.say(eventLine(event)),
  });
  if (options.svg !== undefined) await writeFile(options.svg, timelineSvg(result));
  return answerOf(result, options, world);
}

function modeOf({ crash, auto }: DrillOptions): DrillMode {
  if (auto && !crash)
    throw new UsageError("--auto leaves the election after a crash to Redis. Give it with --crash.");
  if (!crash) return "planned";
  return auto ? "crash-auto" : "crash";
}

/** Index from 0. */
function shardOf({ spec }: Target, { shard = 1 }: DrillOptions): number {
  if (shard <= spec.shards.length) return shard - 1;
  throw new UsageError(`--shard ${shard}: ${spec.name} has the shards 1 to ${spec.shards.length}.`);
}

async function ask(target: Target, shard: number, mode: DrillMode, world: World): Promise<void> {
  if (!world.confirm)
    throw new UsageError(
      "a crash drill kills a primary, and nobody can be asked here. If it is to be: --yes",
    );
  const { view, status } = await inspect(target);
  if (isSilent(view)) throw new UsageError(`none of the ${view.nodes.length} nodes answers`);
  const primary = status.nodes.find((node) => node.shard === shard + 1 && node.role === "primary");
  const outage =
    mode === "crash"
      ? "for some tenths of a second"
      : `for ${duration(1.5 * target.spec.nodeTimeoutMs)} or so`;
  world.say(
    `This kills ${primary?.name ?? "the primary"} (${primary?.keys ?? 0} keys). Writes to shard ${shard + 1} fail ${outage}, ` +
      "and the last ones that clients got acknowledged may be lost: what the replica had not received yet.",
  );
  if (!(await world.confirm("Kill it?"))) throw new NotConfirmedError("nothing was done");
}

/** Before the drill, not after it: a picture that cannot be written is a reason not to begin. */
async function tryFile(file: string): Promise<void> {
  try {
    await writeFile(file, "", { flag: "a" });
  } catch (error) {
    throw new UsageError(`--svg ${file} cannot be written: ${errorText(error)}`);
  }
}

/** `  +141 ms  shard-1-b has taken the slots` */
export function eventLine({ kind, atMs, text }: DrillEvent): string {
  const isBefore = kind === "waiting" || kind === "probing";
  const time = isBefore ? "" : `+${duration(atMs)}`;
  return `${time.padStart(9)}  ${text}`;
}

function answerOf(result: Drill, { svg }: DrillOptions, world: World): Answer {
  const { report } = result;
  return {
    exitCode: isPassed(report) ? 0 : 1,
    json: { ...report, endedAt: world.now().toISOString() },
    text: (style) => drillText(report, svg, style),
  };
}

/** A crash may lose the unreplicated tail: that is what the drill is to find out. A handover may not. */
export function isPassed({ restored, mode, writes }: DrillReport): boolean {
  return restored && (mode !== "planned" || writes.lost === 0);
}
