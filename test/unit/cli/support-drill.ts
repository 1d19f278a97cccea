/** A drill's report and recording, made up. */
import type { Ack, Drill, DrillReport } from "../../../cluster/drill";

const EVENTS: DrillReport["events"] = [
  { kind: "waiting", atMs: -9000, text: "7 s until Redis has forgotten the last election of this shard" },
  { kind: "probing", atMs: -1500, text: "a probe writes to shard 1" },
  { kind: "killed", atMs: 0, text: "shard-1-a is killed" },
  { kind: "proven-dead", atMs: 54, text: "the host of shard-1-a says that its process is gone" },
  { kind: "elected", atMs: 96, text: "shard-1-b has taken the slots" },
  { kind: "serving", atMs: 102, text: "shard-1-b acknowledges a write" },
  { kind: "agreed", atMs: 716, text: "every node sees the new primary" },
  { kind: "restarting", atMs: 2220, text: "shard-1-a is started again" },
  { kind: "restarted", atMs: 2325, text: "shard-1-a runs again" },
  { kind: "in-sync", atMs: 3010, text: "shard-1-a has all that its shard has" },
  { kind: "handback", atMs: 3011, text: "shard-1-a is asked to take over again" },
  { kind: "handed-back", atMs: 4100, text: "roles are as before" },
  { kind: "verified", atMs: 5700, text: "2,800 acknowledged writes looked for, 0 lost" },
];

export function drillReport(overrides: Partial<DrillReport> = {}): DrillReport {
  return {
    cluster: "shop <dev>",
    mode: "crash",
    shard: 1,
    redisVersion: "5.0.14",
    oldPrimary: "shard-1-a",
    newPrimary: "shard-1-b",
    detectMs: 54,
    electMs: 96,
    serveMs: 102,
    agreeMs: 716,
    unavailabilityMs: 110,
    quietGapMs: 12,
    writes: {
      acknowledged: 2800,
      lost: 0,
      unacknowledged: 0,
      retries: { closed: 9, MOVED: 35 },
      slots: 16,
      ratePerSecond: 400,
    },
    handback: { unavailabilityMs: 84, doneMs: 4100 },
    restored: true,
    remaining: [],
    events: EVENTS,
    ...overrides,
  };
}

/** Every 10 ms a write: by the old primary until -8 ms, by the new one from 102 to 3020 ms, then by the old one again. */
export function drillRecording(overrides: Partial<DrillReport> = {}): Drill {
  const acks: Ack[] = [];
  const write = (node: string, fromMs: number, toMs: number) => {
    for (let atMs = fromMs; atMs <= toMs; atMs += 10) acks.push({ atMs, tookMs: 1, node });
  };
  write("shard-1-a", -1498, -8);
  write("shard-1-b", 102, 3020);
  write("shard-1-a", 3106, 5600);
  return { report: drillReport(overrides), acks };
}
