/** `watch`: the cluster now, and again, until it is ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { openPulse } from "../../cluster/pulse";
import { type ClusterSpec, SLOT_COUNT } from "../../cluster/spec";
import type { ClusterStatus } from "../../cluster/status";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { inspect, isSilent } from "../inspect";
import { frameLines, frameText, seenRun, type WatchFrame } from "../print/watch";
import type { World } from "../world";

export interface WatchOptions {
  /** Seconds between two looks. Default 2. */
  readonly interval?: number;
  /** Looks, then it ends. Default: until Ctrl-C. */
  readonly count?: number;
}

const DEFAULT_INTERVAL_SECONDS = 2;
const NARROW_COLUMNS = 80;

export async function watchCommand(target: Target, options: WatchOptions, world: World): Promise<Answer> {
  const { interval = DEFAULT_INTERVAL_SECONDS, count = Number.POSITIVE_INFINITY } = options;
  const signal = world.interruption();
  const reader = openPulse(target.spec, { hosts: target.hosts });
  const draw = drawer(world);
  let last: WatchFrame | undefined;
  try {
    await reader.read();
    for (let looks = 0; looks < count && !signal.aborted; looks++) {
      // The first look needs a moment, too: rates are between two readings.
      await sleep(looks === 0 ? Math.min(interval, 1) * 1000 : interval * 1000, undefined, { signal }).catch(
        () => undefined,
      );
      const [inspection, pulses] = await Promise.all([inspect(target), reader.read()]);
      const slotsToMove = slotsOffTheirShare(target.spec, inspection.status);
      last = { ...inspection, pulses, slotsToMove, at: world.now() };
      draw(last);
    }
  } finally {
    reader.close();
  }
  return answerOf(last, world.isLive);
}

/** How many slots shards have above their declared share; one a shard is rounding. */
export function slotsOffTheirShare(
  { shards }: Pick<ClusterSpec, "shards">,
  { nodes }: ClusterStatus,
): number {
  const total = shards.reduce((sum, { weight }) => sum + weight, 0);
  return shards.reduce((sum, { weight }, shard) => {
    const own = nodes
      .filter((node) => node.shard === shard + 1)
      .reduce((all, { slotCount }) => all + slotCount, 0);
    return sum + Math.max(0, own - Math.ceil((SLOT_COUNT * weight) / total));
  }, 0);
}

/** A terminal is redrawn; elsewhere there are lines. */
function drawer({ isLive, say, style }: World): (frame: WatchFrame) => void {
  if (!isLive || style === undefined)
    return (frame) => {
      for (const line of frameLines(frame)) say(line);
    };
  let drawn = 0;
  return (frame) => {
    const text = frameText(frame, style);
    // Up to the first line of the last drawing, and everything below it away.
    const back = drawn === 0 ? "" : `\u001b[${drawn}A\u001b[0J`;
    say(back + text);
    drawn = linesOn(text, style.columns);
  };
}

/** A line that is wider than the terminal takes several. */
function linesOn(text: string, columns: number): number {
  const width = (line: string) => stripVTControlCharacters(line).length;
  return text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(width(line) / columns)), 0);
}

/** What was redrawn until now need not be told again. */
function answerOf(frame: WatchFrame | undefined, isDrawn: boolean): Answer {
  if (frame === undefined)
    return { exitCode: 0, json: { looks: 0 }, text: () => "ended before the first look" };
  const { status, view, pulses, at } = frame;
  const nodes = status.nodes.map((node) => ({ ...node, ...pulses.get(node.name) }));
  return {
    exitCode: isSilent(view) ? 2 : status.healthy ? 0 : 1,
    json: { ...status, nodes, run: seenRun(frame) ?? null, at: at.toISOString() },
    text: (style) =>
      isDrawn ? "" : frameText(frame, { ...style, columns: Math.max(style.columns, NARROW_COLUMNS) }),
  };
}
