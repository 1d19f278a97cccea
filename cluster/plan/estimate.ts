/** What a move of slots will carry and take, from what was observed; and whether it fits. */
import { countSlots } from "../slots";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import type { MoveEstimate, Refusal, SlotMove } from "./types";

const SLOTS_PER_SECOND = 15_000;
/** A key of this size takes twice as long as a tiny one. */
const BYTES_LIKE_A_KEY = 1200;

const FASTEST: Rate = { percent: 100, sent: 90_000, taken: 175_000 };

/**
 * Tiny keys a second, on two cores (bench/reshard.ts), by maxMigrationImpact in percent: what one source sends, and what one target takes
 * in from several sources. Larger machines are faster.
 */
const RATES: readonly Rate[] = [
  { percent: 0, sent: 0, taken: 0 },
  { percent: 20, sent: 10_000, taken: 45_000 },
  { percent: 60, sent: 60_000, taken: 130_000 },
  FASTEST,
];
const PERCENT = { low: 20, normal: 60, high: 100 } as const;

interface Rate {
  readonly percent: number;
  readonly sent: number;
  readonly taken: number;
}

/** Memory that a move leaves free at its target, as a share of maxmemory: buffers, and clients that go on writing. */
const HEADROOM = 0.05;

/** The busiest server sets the time: sources work side by side, and so do targets. */
export function estimateMoves(s: Survey, moves: readonly SlotMove[]): MoveEstimate {
  const parts = moves.map((move) => ({ ...move, ...carried(s.up.get(move.source), move) }));
  const { sent, taken } = rateAt(s.spec.maxMigrationImpact ?? "normal");
  const slots = sum(moves.map((move) => countSlots(move.slots)));
  const seconds =
    slots / SLOTS_PER_SECOND + Math.max(busiest(parts, "source") / sent, busiest(parts, "target") / taken);
  return {
    keys: sum(parts.map((part) => part.keys)),
    bytes: sum(parts.map((part) => part.bytes)),
    durationMs: Math.round(seconds * 1000),
  };
}

type Part = SlotMove & Pick<MoveEstimate, "keys" | "bytes">;

/** What the busiest server at that end of the moves has to do, in tiny keys. */
function busiest(parts: readonly Part[], end: "source" | "target"): number {
  const work = new Map<string, number>();
  for (const part of parts)
    work.set(part[end], (work.get(part[end]) ?? 0) + part.keys + part.bytes / BYTES_LIKE_A_KEY);
  return Math.max(0, ...work.values());
}

/** In a straight line between those measured. */
function rateAt(impact: keyof typeof PERCENT | number): Rate {
  const percent = typeof impact === "number" ? impact : PERCENT[impact];
  const above = RATES.find((rate) => rate.percent >= percent) ?? FASTEST;
  const below = RATES.findLast((rate) => rate.percent < percent) ?? above;
  const part = above === below ? 1 : (percent - below.percent) / (above.percent - below.percent);
  const between = (end: "sent" | "taken") => below[end] + part * (above[end] - below[end]);
  return { percent, sent: between("sent"), taken: between("taken") };
}

function carried(source: NodeUp | undefined, move: SlotMove): { keys: number; bytes: number } {
  if (!source) return { keys: 0, bytes: 0 };
  const share = countSlots(move.slots) / Math.max(1, countSlots(source.slots));
  return { keys: Math.round(source.keys * share), bytes: Math.round((source.datasetBytes ?? 0) * share) };
}

/** Refuses moves that would fill a target: it would evict keys, or refuse writes, depending on its policy. */
export function tooLittleMemory(
  s: Survey,
  moves: readonly SlotMove[],
): Pick<Refusal, "reason" | "cure"> | undefined {
  for (const target of new Set(moves.map((move) => move.target))) {
    const node = s.up.get(target);
    if (!node || node.maxmemoryBytes === 0) continue;
    const incoming = sum(
      moves
        .filter((move) => move.target === target)
        .map((move) => carried(s.up.get(move.source), move).bytes),
    );
    const left = node.maxmemoryBytes * (1 - HEADROOM) - node.usedMemoryBytes;
    if (incoming === 0 || incoming <= left) continue;
    return {
      reason: `${target} would get about ${mib(incoming)} more and has ${mib(Math.max(0, left))} left of its maxmemory (${mib(node.maxmemoryBytes)})`,
      cure: "Raise maxmemory (redis: maxmemory, changed live), keep more shards, or delete data first. Nothing was changed.",
    };
  }
  return undefined;
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MiB`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
