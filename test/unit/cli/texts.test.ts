import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { eventLine, isPassed } from "../../../cli/commands/drill";
import { kernelHints } from "../../../cli/doctor/kernel";
import { quorumWarnings } from "../../../cli/doctor/quorum";
import { whyItMatters } from "../../../cli/doctor/why";
import { explain, NotConfirmedError, UsageError } from "../../../cli/errors";
import { doctorText } from "../../../cli/print/doctor";
import { drillText } from "../../../cli/print/drill";
import { plainStyle } from "../../../cli/print/style";
import { bytes, duration, percent, share, shortCount } from "../../../cli/print/units";
import { wrap } from "../../../cli/print/wrap";
import { DrillFailedError, DrillRefusedError } from "../../../cluster/drill";
import { LockedError, RefusedError, WaitError } from "../../../cluster/errors";
import { ConfigError } from "../../../config/error";
import { UserError } from "../../../hosts/errors";
import { brokenStatus, FINDINGS, healthyStatus, nodeStatus, REPAIR } from "./support";
import { drillReport } from "./support-drill";

describe("exit codes of errors", () => {
  const refusal = { kind: "refusal", findings: [], reason: "no", cure: "do" } as const;
  it.each([
    ["wrong usage", new UsageError("x"), 2],
    ["bad configuration", new ConfigError([{ property: "p", value: "v", expected: "e", cure: "c" }]), 2],
    ["a host that says no", new UserError("x"), 2],
    ["nobody foresaw", new TypeError("x"), 2],
    ["unknown option", new CommanderError(1, "commander.unknownOption", "x"), 2],
    ["help", new CommanderError(0, "commander.help", "x"), 0],
    ["a refused plan", new RefusedError(refusal), 1],
    ["another run", new LockedError("pid-1@host", "shard-1-a"), 1],
    ["a wait that ran out", new WaitError("x", 1000, "y"), 1],
    ["the operator said no", new NotConfirmedError("x"), 1],
    ["no drill now", new DrillRefusedError("x"), 1],
    ["a drill that failed", new DrillFailedError("x"), 1],
    ["Ctrl-C", new DOMException("x", "AbortError"), 1],
  ])("%s", (_, error, exitCode) => {
    expect(explain(error, false).exitCode).toBe(exitCode);
  });
  it("an error that nobody foresaw shows its stack only when asked to", () => {
    const error = new TypeError("boom");
    expect(explain(error, false).text).toBe("boom\nThis was not foreseen; --debug shows where it happened.");
    expect(explain(error, true).text).toContain("\n    at ");
  });
});

describe("a drill's report", () => {
  it("at 80 columns", () => {
    expect(drillText(drillReport(), "drill.svg", plainStyle(80))).toMatchInlineSnapshot(`
      "shop <dev>, shard 1: shard-1-b took over from shard-1-a (killed; replica forced,
        Redis 5.0.14)

        detected         54 ms  its host says that the process is gone
        elected          96 ms  the replica has taken the slots
        serving         102 ms  it acknowledges a write
        agreed          716 ms  every node sees it
        without writes  110 ms  longest time without an acknowledged write (12 ms
                                while nothing happened)
        put back         84 ms  the same until shard-1-a was the primary again, 4.1 s
                                after the start
        writes           2,800  acknowledged, in 16 slots, 400 a second at most
        lost                 0  acknowledged writes that were not there afterwards
        retries                 closed 9, MOVED 35 (the probe tries again, as clients
                                do)

      Everything is as before: shard-1-a is the primary, \`up\` has nothing to do.
      timeline: drill.svg"
    `);
  });
  it("of a planned handover that lost a write, and left something", () => {
    const { writes } = drillReport();
    const report = drillReport({
      mode: "planned",
      detectMs: null,
      writes: { ...writes, lost: 3, retries: {} },
      restored: false,
      remaining: ["shard-1-a is not the primary"],
    });
    expect(drillText(report, undefined, plainStyle(120))).toMatchInlineSnapshot(`
      "shop <dev>, shard 1: shard-1-b took over from shard-1-a (planned handover, Redis 5.0.14)

        elected          96 ms  the replica has taken the slots
        serving         102 ms  it acknowledges a write
        agreed          716 ms  every node sees it
        without writes  110 ms  longest time without an acknowledged write (12 ms while nothing happened)
        put back         84 ms  the same until shard-1-a was the primary again, 4.1 s after the start
        writes           2,800  acknowledged, in 16 slots, 400 a second at most
        lost                 3  acknowledged writes that were not there afterwards

      Not as before: shard-1-a is not the primary"
    `);
  });
  it.each([
    ["planned", 0, true, true],
    ["planned", 1, true, false],
    ["planned", 0, false, false],
    ["crash", 1, true, true],
    ["crash-auto", 0, false, false],
  ] as const)("%s, %i lost, restored %s: passed %s", (mode, lost, restored, passed) => {
    const { writes } = drillReport();
    expect(isPassed(drillReport({ mode, restored, writes: { ...writes, lost } }))).toBe(passed);
  });
  it("tells events as they come", () => {
    expect(eventLine({ kind: "probing", atMs: 22, text: "a probe writes" })).toBe(
      "           a probe writes",
    );
    expect(eventLine({ kind: "elected", atMs: 141.2, text: "b has it" })).toBe("  +141 ms  b has it");
    expect(eventLine({ kind: "agreed", atMs: 2111, text: "all see it" })).toBe("   +2.1 s  all see it");
  });
});

describe("doctor", () => {
  const summary = {
    status: brokenStatus(),
    decision: REPAIR,
    origin: "stack dev",
    upCommand: "npm run up",
    isSilent: false,
  };
  it("explains every finding once, shows last words and advice", () => {
    const report = {
      problems: FINDINGS.map((finding) => ({ ...finding, why: whyItMatters(finding.code) ?? "" })),
      logs: [{ node: "shard-1-a", lines: ["1:M * Ready to accept connections", `1:M # ${"x".repeat(100)}`] }],
      advice: ["vm.overcommit_memory is not 1"],
    };
    expect(doctorText(report, summary, plainStyle(80))).toMatchInlineSnapshot(`
      "shop-dev is not healthy: 2 critical problems
      3 shards, 6 nodes, 10,923 of 16,384 slots covered, 1,234,969 keys, Redis 5.0.14
        and 6.2.14 (stack dev)

      critical: shard-1-a (127.0.0.1:7000) is not running
        While a primary is down its slots are served by a replica or by nobody; while
        a replica is down its shard has one copy less.

      critical: no node serves slots 0-5460
        Keys in these slots can be neither read nor written, and with
        cluster-require-full-coverage the whole cluster refuses.

      warning: shard-1-b's link to its primary is down
        It gets no writes: if its primary dies now, what was written meanwhile is
        lost.

      \`npm run up\` would:
        1. forced failover: shard-1-b takes over from shard-1-a
        2. start shard-1-a
        then: the rest is planned from what they show

      Last lines of shard-1-a:
        1:M * Ready to accept connections
        1:M # xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

      Worth knowing:
      - vm.overcommit_memory is not 1"
    `);
  });
  it("says that nothing is wrong", () => {
    const healthy = { ...summary, status: healthyStatus(), decision: { ...REPAIR, steps: [] } };
    const text = doctorText({ problems: [], logs: [], advice: [] }, healthy, plainStyle(80));
    expect(text.split("\n").at(-1)).toBe("Nothing is wrong.");
  });
  it("warns of a zone that holds a majority of the primaries after failovers, and not before", () => {
    expect(quorumWarnings(healthyStatus())).toEqual([]);
    const swapped = healthyStatus({
      nodes: [
        nodeStatus(0, 0, { role: "replica", slots: [], slotCount: 0 }),
        nodeStatus(0, 1, { role: "primary", slots: [{ start: 0, end: 5460 }], slotCount: 5461 }),
        ...[1, 2].flatMap((shard) => [nodeStatus(shard, 0), nodeStatus(shard, 1)]),
      ],
    });
    expect(quorumWarnings(swapped)).toHaveLength(1);
    expect(quorumWarnings(swapped)[0]).toContain('Zone "b" holds 2 of 3 primaries');
    expect(quorumWarnings(brokenStatus())).toEqual([]);
  });
});

describe("kernel hints", () => {
  const target = { kind: "local", spec: { nodes: [{ directives: { "tcp-backlog": "511" } }] } } as never;
  const files = (overcommit: string, pages: string, backlog: string) => {
    const content: Record<string, string> = {
      "/proc/sys/vm/overcommit_memory": overcommit,
      "/sys/kernel/mm/transparent_hugepage/enabled": pages,
      "/proc/sys/net/core/somaxconn": backlog,
    };
    return async (path: string) => content[path];
  };
  it("are none where all is well", async () => {
    expect(await kernelHints(target, files("1\n", "always [madvise] never\n", "4096\n"))).toEqual([]);
  });
  it("name what is wrong and its cure", async () => {
    const hints = await kernelHints(target, files("0\n", "[always] madvise never\n", "128\n"));
    expect(hints).toHaveLength(3);
    for (const hint of hints) expect(hint).toContain("Cure: ");
  });
  it("are none on a machine that has no such files", async () => {
    expect(await kernelHints(target, async () => undefined)).toEqual([]);
  });
});

describe("numbers", () => {
  it.each([
    [bytes(64 * 1024 ** 2), "64 MiB"],
    [bytes(900 * 1024), "900 KiB"],
    [share(2.4 * 1024 ** 2, 64 * 1024 ** 2), "2.4 of 64 MiB"],
    [share(900 * 1024, 8 * 1024 ** 3), "900 KiB of 8 GiB"],
    [share(900 * 1024, 0), "900 KiB"],
    [percent(32, 64), "50%"],
    [shortCount(1_234_567), "1.2M"],
    [duration(83.4), "83 ms"],
    [duration(6659), "6.7 s"],
  ])("%s", (text, expected) => {
    expect(text).toBe(expected);
  });
});

describe("wrapping", () => {
  it("breaks at spaces, keeps the lead and indents what follows", () => {
    expect(wrap("  1. one two three four", 12, "     ")).toBe("  1. one two\n     three\n     four");
  });
  it("leaves long words whole and other lines alone", () => {
    expect(wrap("short\nabcdefghijklmnop", 8)).toBe("short\nabcdefghijklmnop");
  });
});
