import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { type StatusSummary, statusText } from "../../../cli/print/status";
import { plainStyle, styleOf } from "../../../cli/print/style";
import { brokenStatus, healthyStatus, NOTHING, nodeStatus, REPAIR } from "./support";

function summary(overrides: Partial<StatusSummary> = {}): StatusSummary {
  const base = { status: healthyStatus(), decision: NOTHING, origin: "stack dev" };
  return { ...base, upCommand: "npm run up", isSilent: false, ...overrides };
}

const broken = summary({ status: brokenStatus(), decision: REPAIR });

function longestLine(text: string): number {
  return Math.max(...text.split("\n").map((line) => line.length));
}

describe("the status of a healthy cluster", () => {
  it("at 120 columns", () => {
    expect(statusText(summary(), plainStyle(120))).toMatchInlineSnapshot(`
      "shop-dev is healthy
      3 shards, 6 nodes, all slots covered, 1,203 keys, Redis 5.0.14 (stack dev)

      NODE       ADDRESS         ZONE  SHARD  ROLE     SLOTS        KEYS         MEMORY  LAG  VERSION  STATE
      shard-1-a  127.0.0.1:7000  a         1  primary  0-5460        400  2.4 of 64 MiB    -  5.0.14   up
      shard-1-b  127.0.0.1:7003  b         1  replica  -             400  2.4 of 64 MiB  0 B  5.0.14   up
      shard-2-a  127.0.0.1:7001  b         2  primary  5461-10922    401  2.4 of 64 MiB    -  5.0.14   up
      shard-2-b  127.0.0.1:7004  c         2  replica  -             401  2.4 of 64 MiB  0 B  5.0.14   up
      shard-3-a  127.0.0.1:7002  c         3  primary  10923-16383   402  2.4 of 64 MiB    -  5.0.14   up
      shard-3-b  127.0.0.1:7005  a         3  replica  -             402  2.4 of 64 MiB  0 B  5.0.14   up"
    `);
  });
  it("at 80 columns", () => {
    expect(statusText(summary(), plainStyle(80))).toMatchInlineSnapshot(`
      "shop-dev is healthy
      3 shards, 6 nodes, all slots covered, 1,203 keys, Redis 5.0.14 (stack dev)

      NODE       ZONE  SHARD  ROLE     SLOTS        KEYS         MEMORY  LAG  STATE
      shard-1-a  a         1  primary  0-5460        400  2.4 of 64 MiB    -  up
      shard-1-b  b         1  replica  -             400  2.4 of 64 MiB  0 B  up
      shard-2-a  b         2  primary  5461-10922    401  2.4 of 64 MiB    -  up
      shard-2-b  c         2  replica  -             401  2.4 of 64 MiB  0 B  up
      shard-3-a  c         3  primary  10923-16383   402  2.4 of 64 MiB    -  up
      shard-3-b  a         3  replica  -             402  2.4 of 64 MiB  0 B  up"
    `);
  });
});

describe("the status of a broken cluster", () => {
  it("at 120 columns", () => {
    expect(statusText(broken, plainStyle(120))).toMatchInlineSnapshot(`
      "shop-dev is not healthy: 2 critical problems
      3 shards, 6 nodes, 10,923 of 16,384 slots covered, 1,234,969 keys, Redis 5.0.14 and 6.2.14 (stack dev)

      NODE       ADDRESS         ZONE  SHARD  ROLE     SLOTS             KEYS            MEMORY      LAG  VERSION  STATE
      shard-1-a  127.0.0.1:7000  a         1  -        -                    -                 -        -  -        not running
      shard-1-b  127.0.0.1:7003  b         1  replica  -                  400     2.4 of 64 MiB        -  5.0.14   link down
      shard-2-a  127.0.0.1:7001  b         2  primary  1,200 in 12  1,234,567    61.7 of 64 MiB        -  5.0.14   up
      shard-2-b  127.0.0.1:7004  c         2  replica  -                  401     2.4 of 64 MiB  120 KiB  6.2.14   up
      shard-3-a  127.0.0.1:7002  c         3  primary  10923-16383        402           2.4 MiB        -  5.0.14   up
      shard-3-b  127.0.0.1:7005  a         3  replica  -                  402  2.4 MiB of 8 GiB      0 B  5.0.14   up

        critical: shard-1-a (127.0.0.1:7000) is not running
        critical: no node serves slots 0-5460
        warning: shard-1-b's link to its primary is down

      \`npm run up\` would:
        1. forced failover: shard-1-b takes over from shard-1-a
        2. start shard-1-a
        then: the rest is planned from what they show"
    `);
  });
  it("at 80 columns", () => {
    expect(statusText(broken, plainStyle(80))).toMatchInlineSnapshot(`
      "shop-dev is not healthy: 2 critical problems
      3 shards, 6 nodes, 10,923 of 16,384 slots covered, 1,234,969 keys, Redis 5.0.14
        and 6.2.14 (stack dev)

      NODE      SHARD ROLE    SLOTS       KEYS     MEM     LAG VERSION STATE
      shard-1-a     1 -       -              -       -       - -       not running
      shard-1-b     1 replica -            400      4%       - 5.0.14  link down
      shard-2-a     2 primary 1,200 in 12 1.2M     96%       - 5.0.14  up
      shard-2-b     2 replica -            401      4% 120 KiB 6.2.14  up
      shard-3-a     3 primary 10923-16383  402 2.4 MiB       - 5.0.14  up
      shard-3-b     3 replica -            402      0%     0 B 5.0.14  up

        critical: shard-1-a (127.0.0.1:7000) is not running
        critical: no node serves slots 0-5460
        warning: shard-1-b's link to its primary is down

      \`npm run up\` would:
        1. forced failover: shard-1-b takes over from shard-1-a
        2. start shard-1-a
        then: the rest is planned from what they show"
    `);
  });
  it("says that nothing answers, and what a refused run is waiting for", () => {
    const decision = {
      kind: "refusal",
      findings: [],
      reason: "cannot reach shard-1-a",
      cure: "Bring it back.",
    } as const;
    const text = statusText(summary({ decision, isSilent: true }), plainStyle(80));
    expect(text).toContain("shop-dev does not answer: no node can be reached");
    expect(text).toContain("`npm run up` would change nothing: cannot reach shard-1-a\nBring it back.");
  });
  it("tells a long plan in part", () => {
    const steps = Array.from({ length: 9 }, (_, i) => ({
      kind: "restartNode" as const,
      node: `shard-${i}-b`,
      reason: "not declared",
    }));
    const text = statusText(summary({ decision: { ...NOTHING, steps } }), plainStyle(80));
    expect(text).toContain("  6. restart shard-5-b\n  … and 3 steps more: redis-cluster-kit plan");
  });
});

describe("the width", () => {
  it.each([80, 100, 120, 160])("of %i columns is kept", (columns) => {
    for (const one of [summary(), broken])
      expect(longestLine(statusText(one, plainStyle(columns)))).toBeLessThanOrEqual(columns);
  });
  it("of a table of long names is given up rather than a column", () => {
    const nodes = [nodeStatus(0, 0, { name: "n".repeat(90) })];
    expect(statusText(summary({ status: healthyStatus({ nodes }) }), plainStyle(80))).toContain("STATE");
  });
});

describe("colours", () => {
  const terminal = { isTTY: true, columns: 100 };
  it("are on a terminal and change no text", () => {
    const painted = statusText(broken, styleOf(terminal, {}));
    expect(painted).toContain("\u001b[31m");
    expect(stripVTControlCharacters(painted)).toBe(statusText(broken, plainStyle(100)));
  });
  it.each([
    ["NO_COLOR is set", terminal, { NO_COLOR: "1" }],
    ["the terminal is dumb", terminal, { TERM: "dumb" }],
    ["it is a pipe", {}, { COLUMNS: "100" }],
  ])("are off when %s", (_, stream, env) => {
    expect(statusText(broken, styleOf(stream, env))).toBe(statusText(broken, plainStyle(100)));
  });
});
