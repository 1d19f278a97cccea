/** Statuses for tests of what is printed, and a terminal that remembers. */

import type { Io } from "../../../cli/main";
import type { Finding, Plan } from "../../../cluster/plan/types";
import type { ClusterStatus, NodeStatus } from "../../../cluster/status";

const MIB = 1024 ** 2;
const RANGES = [
  { start: 0, end: 5460 },
  { start: 5461, end: 10922 },
  { start: 10923, end: 16383 },
];

export function nodeStatus(shard: number, member: number, overrides: Partial<NodeStatus> = {}): NodeStatus {
  const isPrimary = member === 0;
  const range = RANGES[shard];
  const slots = isPrimary && range ? [range] : [];
  return {
    name: `shard-${shard + 1}-${"ab".charAt(member)}`,
    host: "127.0.0.1",
    port: 7000 + shard + 3 * member,
    id: `${shard}${member}`.repeat(20),
    role: isPrimary ? "primary" : "replica",
    shard: shard + 1,
    zone: "abc".charAt((shard + member) % 3),
    slots,
    slotCount: slots.reduce((sum, { start, end }) => sum + end - start + 1, 0),
    keys: 400 + shard,
    usedMemoryBytes: 2.4 * MIB,
    maxmemoryBytes: 64 * MIB,
    lagBytes: isPrimary ? null : 0,
    version: "5.0.14",
    state: "up",
    ...overrides,
  };
}

export function healthyStatus(overrides: Partial<ClusterStatus> = {}): ClusterStatus {
  const nodes = [0, 1, 2].flatMap((shard) => [0, 1].map((member) => nodeStatus(shard, member)));
  return { name: "shop-dev", healthy: true, nodes, slotsCovered: 16_384, findings: [], ...overrides };
}

const DOWN: Partial<NodeStatus> = {
  id: null,
  role: null,
  slots: [],
  slotCount: 0,
  keys: 0,
  usedMemoryBytes: 0,
  maxmemoryBytes: 0,
  lagBytes: null,
  version: null,
  state: "not running",
};

export const FINDINGS: readonly Finding[] = [
  {
    severity: "critical",
    code: "node-down",
    subject: "shard-1-a",
    text: "shard-1-a (127.0.0.1:7000) is not running",
  },
  {
    severity: "critical",
    code: "slots-uncovered",
    subject: "shop-dev",
    text: "no node serves slots 0-5460",
  },
  {
    severity: "warning",
    code: "link-down",
    subject: "shard-1-b",
    text: "shard-1-b's link to its primary is down",
  },
];

/** The first shard's primary is gone, another shard's replica lags and runs a newer version, slots are fragmented. */
export function brokenStatus(): ClusterStatus {
  const fragments = Array.from({ length: 12 }, (_, i) => ({
    start: 5461 + 500 * i,
    end: 5461 + 500 * i + 99,
  }));
  return healthyStatus({
    healthy: false,
    slotsCovered: 10_923,
    findings: FINDINGS,
    nodes: [
      nodeStatus(0, 0, DOWN),
      nodeStatus(0, 1, { state: "link down", lagBytes: null }),
      nodeStatus(1, 0, { slots: fragments, slotCount: 1200, keys: 1_234_567, usedMemoryBytes: 61.7 * MIB }),
      nodeStatus(1, 1, { lagBytes: 123_456, version: "6.2.14" }),
      nodeStatus(2, 0, { maxmemoryBytes: 0 }),
      nodeStatus(2, 1, { maxmemoryBytes: 8 * 1024 * MIB }),
    ],
  });
}

export function planOf(steps: Plan["steps"], overrides: Partial<Plan> = {}): Plan {
  return { kind: "plan", findings: [], warnings: [], steps, destructive: false, ...overrides };
}

export const NOTHING = planOf([]);

export const REPAIR = planOf(
  [
    {
      kind: "failover",
      shard: 0,
      replica: "shard-1-b",
      primary: "shard-1-a",
      mode: "force",
      reason: "shard-1-a is not running",
    },
    { kind: "startNodes", nodes: ["shard-1-a"], reason: "not running: shard-1-a" },
  ],
  { destructive: true, continues: "the rest is planned from what they show" },
);

export interface Recorded {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
}

export function recordedIo(overrides: Partial<Io> = {}): Recorded {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    terminal: { columns: 100 },
    env: {},
    directory: "/",
    version: "1.2.3",
    now: () => new Date("2026-01-02T03:04:05Z"),
    interruption: () => new AbortController().signal,
    confirm: undefined,
    ...overrides,
  };
  return { io, out: () => out.join(""), err: () => err.join("") };
}
