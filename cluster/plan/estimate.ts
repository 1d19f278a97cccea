/** What a move of slots will carry and take, from what was observed; and whether it fits. */
import { countSlots } from "../slots";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import type { MoveEstimate, Refusal, SlotMove } from "./types";

/** Throughput on two cores at normal impact (bench/reshard.ts), per pair; larger machines are faster. */
const RATE = { slotsPerSecond: 15_000, keysPerSecond: 100_000, bytesPerSecond: 120_000_000 } as const;

/** Memory that a move leaves free at its target, as a share of maxmemory: buffers, and clients that go on writing. */
const HEADROOM = 0.05;

export function estimateMoves(s: Survey, moves: readonly SlotMove[]): MoveEstimate {
  const parts = moves.map((move) => carried(s.up.get(move.source), move));
  const keys = sum(parts.map((part) => part.keys));
  const bytes = sum(parts.map((part) => part.bytes));
  const slots = sum(moves.map((move) => countSlots(move.slots)));
  const seconds = slots / RATE.slotsPerSecond + keys / RATE.keysPerSecond + bytes / RATE.bytesPerSecond;
  return { keys, bytes, durationMs: Math.round(seconds * 1000) };
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
