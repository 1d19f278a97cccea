import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../config";
import {
  ADVISORIES,
  ADVISORIES_AS_OF,
  advisoryLine,
  END_OF_LIFE,
  openAdvisories,
} from "../../../config/advisories";
import { LINES } from "../../../config/directives";
import { CONTEXT } from "./context";

const warningsOf = (raw: unknown) => parseConfig(raw, CONTEXT).warnings;

describe("what is legal and worth a line", () => {
  test.each([
    [{ replicasPerShard: 0 }, "takes its slots and keys with it"],
    [{ replicasPerShard: 3 }, "4 members per shard over 3 zones"],
    [{ shards: 4 }, "no majority"],
    [{ zones: ["a"] }, "no majority"],
    [{ redis: { appendonly: "no" } }, "as of its last snapshot"],
    [{ redis: { appendonly: false, save: "" } }, "comes back empty"],
    [{ redis: { "min-replicas-to-write": 1 } }, "writes stop while one of them restarts"],
    [{ redis: { "cluster-slave-no-failover": "yes" } }, "no replica takes over"],
    [{ redis: { "cluster-node-timeout": 400 } }, "taken for a death"],
    [{ redisVersion: "5.0.6" }, "Set redisVersion 5.0.14"],
    [{ redisVersion: "5.0.14" }, "the 5.0 line reached its end of life on 2022-04-27"],
  ])("%j", (raw, expected) => {
    const before = warningsOf({ redisVersion: "6.2.20" });
    expect(before).toEqual([]);
    const lines = warningsOf({ redisVersion: "6.2.20", ...raw });
    expect(lines.filter((line) => line.includes(expected))).toHaveLength(1);
    expect(lines.every((line) => !line.includes("\n"))).toBe(true);
  });

  test("5.0.14 is not called old", () => {
    expect(warningsOf({ redisVersion: "5.0.14" }).join()).not.toContain("Set redisVersion 5.0.14");
  });
});

describe("known vulnerabilities", () => {
  test("are well-formed, named once, and no newer than their date", () => {
    const ids = ADVISORIES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, lines } of ADVISORIES) {
      expect(id).toMatch(/^CVE-20\d\d-\d{4,5}$/);
      expect(Number(id.slice(4, 8))).toBeLessThanOrEqual(Number(ADVISORIES_AS_OF.slice(0, 4)));
      expect(Object.keys(lines)).not.toEqual([]);
      for (const [line, fixed] of Object.entries(lines)) {
        expect(fixed === "unfixed" || fixed?.startsWith(`${line}.`)).toBe(true);
      }
    }
  });

  test("of 5.0.14 are those that 5.0 never got fixes for", () => {
    const open = openAdvisories("5.0.14").map(({ id }) => id);
    expect(open).toContain("CVE-2025-49844");
    expect(open).toContain("CVE-2022-24735");
    expect(open).not.toContain("CVE-2021-41099");
    // Over a unix socket only, and the kit opens none.
    expect(open).not.toContain("CVE-2023-45145");
    expect(openAdvisories("5.0.13").map(({ id }) => id)).toContain("CVE-2021-41099");
  });

  test("are told in one line with the date, those without a password by name", () => {
    expect(advisoryLine("5.0.14")).toMatchInlineSnapshot(
      `"Redis 5.0.14: the 5.0 line reached its end of life on 2022-04-27; 17 known vulnerabilities are open (9 need Lua: take EVAL, EVALSHA and SCRIPT away with rename-command; without a password: CVE-2025-21605, CVE-2025-48367). Keep its ports from strangers, or set redisVersion to a newer line. (As of 2026-09-24.)"`,
    );
    expect(advisoryLine("6.2.20")).toBeUndefined();
    expect(advisoryLine("8.2.2")).toBeUndefined();
  });

  test("every line has its end", () => {
    for (const line of LINES) expect(END_OF_LIFE[line]).toMatch(/^20\d\d-\d\d-\d\d$/);
  });
});
