/** As every-command.test.ts: a shard less, with all that moves its slots. A file of its own, so that it runs beside the others. */
import { expect, test } from "vitest";
import { killedEverywhere } from "./support/every-command";
import { simSpec } from "./support/spec";

test("a shard less, killed before and after every changing command", { timeout: 900_000 }, async () => {
  const spec = (shards: number) => simSpec({ shards, replicas: 1, zones: 3 });
  expect(await killedEverywhere({ before: spec(4), after: spec(3) })).toBeGreaterThan(100);
});
