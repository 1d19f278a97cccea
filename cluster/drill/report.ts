/** From what was recorded to the report. Pure. */
import { lengthOf, longestGap, settledMs } from "./measure";
import { DEFAULT_RATE_PER_SECOND, type Stage } from "./stage";
import type { Drill, DrillEventKind, DrillReport } from "./types";

export interface Findings {
  /** Acknowledged writes that were not found. */
  readonly lost: number;
  /** What `up` would still have to do, one line each. */
  readonly remaining: readonly string[];
}

export function reportOf(stage: Stage, { lost, remaining }: Findings): Drill {
  const { spec, request, scene, record, probe, watch } = stage;
  const acks = record.relative(probe.acks);
  const timeOf = (kind: DrillEventKind) => record.timeOf(kind) ?? 0;
  const events = record.events();
  const turnMs = settledMs(events);
  const endMs = acks.at(-1)?.atMs ?? 0;
  const quiet = acks.filter(({ atMs }) => atMs <= 0);
  const report: DrillReport = {
    cluster: spec.name,
    mode: request.mode,
    shard: request.shard + 1,
    redisVersion: scene.shown.version,
    oldPrimary: scene.primary.name,
    newPrimary: watch.elected?.name ?? "",
    detectMs: detectMs(stage),
    electMs: timeOf("elected"),
    serveMs: timeOf("serving"),
    agreeMs: timeOf("agreed"),
    unavailabilityMs: lengthOf(longestGap(acks, 0, turnMs)),
    quietGapMs: lengthOf(longestGap(quiet, Number.NEGATIVE_INFINITY, 0)),
    writes: {
      acknowledged: acks.length,
      lost,
      unacknowledged: probe.unacknowledged,
      retries: { ...probe.retries },
      slots: probe.slotCount,
      ratePerSecond: request.ratePerSecond ?? DEFAULT_RATE_PER_SECOND,
    },
    handback: {
      unavailabilityMs: lengthOf(longestGap(acks, turnMs, endMs)),
      doneMs: timeOf("handed-back"),
    },
    restored: remaining.length === 0,
    remaining,
    events,
  };
  return { report: rounded(report), acks };
}

function detectMs({ request, record }: Stage): number | null {
  switch (request.mode) {
    case "planned":
      return null;
    case "crash":
      return record.timeOf("proven-dead") ?? null;
    case "crash-auto":
      return record.timeOf("failed") ?? null;
    default:
      return unknownMode(request.mode);
  }
}

function unknownMode(mode: never): never {
  throw new Error(`unknown mode: ${String(mode)}`);
}

/** Times to whole ms: what is behind it is noise. */
function rounded(report: DrillReport): DrillReport {
  const round = (value: unknown): unknown => {
    if (typeof value === "number") return Math.round(value);
    if (Array.isArray(value)) return value.map(round);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, round(inner)]));
  };
  return round(report) as DrillReport;
}
