/** What `watch` shows of a cluster that changes: at 80 columns, and as lines. */
import { describe, expect, it } from "vitest";
import { slotsOffTheirShare } from "../../../cli/commands/watch";
import { plainStyle } from "../../../cli/print/style";
import { frameLines, frameText, type WatchFrame } from "../../../cli/print/watch";
import { pulseOf, readCounters } from "../../../cluster/pulse";
import { brokenStatus, healthyStatus, NOTHING, nodeStatus } from "./support";

function frame(overrides: Partial<WatchFrame> = {}): WatchFrame {
  return {
    view: { nodes: [] },
    decision: NOTHING,
    forecast: { ahead: [], isWhole: true },
    status: healthyStatus(),
    pulses: new Map([["shard-1-a", { requestsPerSecond: 12_345, cpu: 0.31, clients: 52 }]]),
    slotsToMove: 0,
    at: new Date("2026-01-02T03:04:05Z"),
    ...overrides,
  } as WatchFrame;
}

/** Two nodes as a run that moves slots leaves them: locked, a slot half moved, and one that the source had closed when it was asked. */
const MOVING = {
  nodes: [
    {
      reachable: true,
      lockHolders: ["redis-cluster-kit:apply:pid-1@there:2"],
      migrating: [{ slot: 7, peerId: "b" }],
      importing: [],
    },
    {
      reachable: true,
      lockHolders: ["redis-cluster-kit:apply:pid-1@there:2"],
      migrating: [],
      importing: [
        { slot: 7, peerId: "a" },
        { slot: 8, peerId: "a" },
      ],
    },
  ],
} as unknown as WatchFrame["view"];

describe("watch", () => {
  it("fits 80 columns, healthy and broken", () => {
    for (const status of [healthyStatus(), brokenStatus()])
      for (const line of frameText(frame({ status }), plainStyle(80)).split("\n"))
        expect(line.length).toBeLessThanOrEqual(80);
    expect(frameText(frame(), plainStyle(80))).toMatchSnapshot();
  });

  it("shows a move with what is left, and does not call it a problem", () => {
    const finding = {
      severity: "warning",
      code: "open-slots",
      subject: "x",
      text: "x has open slots 7",
    } as const;
    const status = healthyStatus({ findings: [finding] });
    expect(frameLines(frame({ status, view: MOVING, slotsToMove: 1234 }))).toEqual([
      expect.stringContaining("healthy, 6 of 6 nodes up, all slots, 12,345 requests/s"),
      "  run of pid-1@there:2: moving slots, 2 slots on the way, 1,234 still to move",
    ]);
    expect(frameLines(frame({ status })).at(-1)).toBe("  warning: x has open slots 7");
  });

  it("calls a cluster that a run works on changing as long as it serves, and not healthy otherwise", () => {
    const [whole, broken] = [healthyStatus({ healthy: false }), brokenStatus()];
    const lineOf = (status: WatchFrame["status"], view = MOVING) => frameLines(frame({ status, view }))[0];
    expect(lineOf(whole)).toContain(" changing, ");
    expect(frameText(frame({ status: whole, view: MOVING }), plainStyle(80))).toContain(" changing  ");
    expect(lineOf(broken)).toContain(" not healthy, ");
    expect(lineOf(whole, { nodes: [] } as unknown as WatchFrame["view"])).toContain(" not healthy, ");
  });

  it("counts slots above the declared shares", () => {
    const spec = { shards: [{ weight: 1 }, { weight: 1 }, { weight: 1 }, { weight: 1 }] };
    expect(slotsOffTheirShare(spec, healthyStatus())).toBe(3 * 1365 + 1);
    expect(slotsOffTheirShare({ shards: spec.shards.slice(1) }, healthyStatus())).toBe(0);
    expect(slotsOffTheirShare(spec, healthyStatus({ nodes: [nodeStatus(0, 1)] }))).toBe(0);
  });
});

describe("a pulse", () => {
  const info = (commands: number, cpu: number) =>
    `total_commands_processed:${commands}\r\nused_cpu_sys:${cpu}\r\nused_cpu_user:0.5\r\nconnected_clients:3\r\n`;

  it("is the difference of two readings by time", () => {
    const [before, after] = [readCounters(info(100, 1), 0), readCounters(info(1100, 1.5), 2000)];
    expect(pulseOf(before, after)).toEqual({ requestsPerSecond: 500, cpu: 0.25, clients: 3 });
  });

  it("is not known where the node was restarted in between", () => {
    expect(pulseOf(readCounters(info(100, 1), 0), readCounters(info(5, 0), 1000))).toBeUndefined();
  });
});
