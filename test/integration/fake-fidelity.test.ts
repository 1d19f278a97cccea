/**
 * Is the simulator's cluster like Redis's? The same script against six real servers and six fake ones: what they answer,
 * errors included, must be the same. This is what makes the simulations worth anything.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RedisVersion } from "../sim/fake/release";
import { FakeStage, NODES, RealStage, type Stage } from "../support/fidelity";
import * as script from "../support/fidelity-script";
import { freePorts } from "../support/ports";
import { REDIS_LINES, type RedisLine, redisBinaries } from "../support/redis-binaries";

const SETTINGS = {
  "cluster-node-timeout": "1000",
  appendonly: "yes",
  save: "",
  "repl-diskless-sync-delay": "0",
} as const;

/** In this order: each part goes on where the one before ended. */
const PARTS: readonly (readonly [name: string, part: (stage: Stage) => Promise<void>])[] = [
  ["what a fresh node answers", script.freshNode],
  ["forming a cluster", script.form],
  ["keys and redirections", script.keys],
  ["scripts, transactions and serialized values", script.scripts],
  ["moving a slot", script.moveSlot],
  ["a slot taken from a source that has keys", script.dirtySlot],
  ["a restart", script.restart],
  ["failovers", script.failovers],
  ["passwords", script.passwords],
  ["a primary whose last slot is taken", script.emptied],
  ["leaving", script.leave],
];

/** The release that the fake plays for what is installed. */
function playedBy(version: string): RedisVersion {
  if (version.startsWith("5.0.")) return Number(version.slice(4)) < 10 ? "5.0.6" : "5.0.14";
  return version.startsWith("6.2.") ? "6.2.14" : "7.0.15";
}

describe.each(REDIS_LINES)("fake and real Redis %s", (line: RedisLine) => {
  let real: Stage;
  let fake: Stage;

  beforeAll(async () => {
    const binaries = await redisBinaries(line);
    const args = Object.entries(SETTINGS).flatMap(([name, value]) => [`--${name}`, value]);
    const [basePort = 0] = await freePorts(NODES);
    real = new RealStage(basePort, binaries.server, args);
    fake = new FakeStage(basePort, playedBy(binaries.version), SETTINGS);
  });

  afterAll(async () => {
    await Promise.all([real?.close(), fake?.close()]);
  });

  test.each(PARTS)("agree on %s", async (_name, part) => {
    for (const stage of [real, fake]) {
      stage.transcript.length = 0;
      await part(stage);
    }
    expect(fake.transcript).toEqual(real.transcript);
    expect(real.transcript.length).toBeGreaterThan(5);
  });
});
