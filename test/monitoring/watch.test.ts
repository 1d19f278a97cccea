/** `watch` beside a run that moves slots, where there is no terminal: how far it is, line by line. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../cli/main";
import { loadKeys } from "../support/content";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { recordedIo } from "../unit/cli/support";

const KEYS = 60_000;
const MOVING = /^ +run of \S+: moving slots, ([\d,]+) slots? on the way, ([\d,]+) still to move$/;

let cluster: DeclaredCluster;
beforeEach(async () => {
  cluster = await startDeclaredCluster();
  await loadKeys(cluster.target.spec.nodes, cluster.declaration.password, KEYS);
}, 120_000);
afterEach(() => cluster?.end());

test("a fourth shard: the slots on their way, and those that are left, become fewer", async () => {
  const file = join(dirname(cluster.file), "four.json");
  const four = cluster.redeclare({ shards: 4, maxMigrationImpact: "low" });
  await writeFile(file, JSON.stringify(four), { mode: 0o600 });
  const over = new AbortController();
  const watch = recordedIo({ interruption: () => over.signal });
  const watching = run(["watch", "--interval", "0.2", "--declaration", file], watch.io);
  const apply = recordedIo();
  const code = await run(["apply", "--yes", "--declaration", file], apply.io).finally(() => over.abort());
  await watching;
  expect(code, apply.err()).toBe(0);

  const lines = watch.err().trimEnd().split("\n");
  const looks = lines.flatMap((line, at) => {
    const [, onTheWay, left] = MOVING.exec(line) ?? [];
    if (onTheWay === undefined || left === undefined) return [];
    expect(lines[at - 1]).toContain("changing, 8 of 8 nodes up, all slots");
    return [{ onTheWay: numberOf(onTheWay), left: numberOf(left) }];
  });
  expect(looks.length, watch.err()).toBeGreaterThan(1);
  for (const [at, { onTheWay, left }] of looks.entries()) {
    expect(onTheWay).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(looks[at - 1]?.left ?? 4096);
  }
  expect(looks.at(-1)?.left).toBeLessThan(looks[0]?.left ?? 0);
});

const numberOf = (text: string) => Number(text.replaceAll(",", ""));
