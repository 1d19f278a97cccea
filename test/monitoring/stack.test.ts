/** Monitoring as a stack declares it, with the real engine: `up` starts it, heals it, `destroy` ends it. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCompanions } from "../../hosts/local";
import { probeTcp } from "../../hosts/local/sockets";
import { readableFilesWith, watchCommandLines } from "../program/support/secrets";
import { PASSWORD, Stack } from "../program/support/stack";
import { freePorts } from "../support/ports";
import { asking, eventually } from "./support/watched-cluster";

let stack: Stack;
let exporterPort = 0;
let prometheusPort = 0;

beforeAll(async () => {
  const ports = await freePorts(7);
  [exporterPort = 0] = ports;
  prometheusPort = exporterPort + 6;
  const monitoring = { enabled: true, exporterPort, prometheusPort, scrapeIntervalSeconds: 1 };
  stack = await Stack.create({ config: { monitoring: JSON.stringify(monitoring) } });
});
afterAll(async () => {
  if (stack) await createCompanions(stack.dataDirectory).end({ purge: true });
  await stack?.end();
});

const upTargets = async () =>
  (await asking(`http://127.0.0.1:${prometheusPort}`).query("redis_up == 1")).length;

test("up starts exporters and Prometheus, and the password shows nowhere", async () => {
  const lines = watchCommandLines(PASSWORD);
  const up = await stack.up();
  expect(up.code, up.output).toBe(0);
  expect(lines.stop()).toEqual([]);
  expect(up.output).toContain(
    `6 exporters run (7 processes started); Prometheus: http://127.0.0.1:${prometheusPort}`,
  );
  expect(await eventually("six are up", upTargets, (count) => count === 6)).toBe(6);
  expect(stack.state()).not.toContain(PASSWORD);
  for (const folder of stack.written) expect(readableFilesWith(folder, PASSWORD)).toEqual([]);
});

test("a second up changes nothing", async () => {
  const up = await stack.up();
  expect(up.code, up.output).toBe(0);
  expect(up.output).toMatch(/Resources:\s+(\d+) unchanged/);
});

test("an exporter that is gone comes back with the next up", async () => {
  const companions = createCompanions(stack.dataDirectory);
  const states = await companions.inspect([]);
  expect([...states.keys()].sort()).toEqual([
    "exporter-shard-1-a",
    "exporter-shard-1-b",
    "exporter-shard-2-a",
    "exporter-shard-2-b",
    "exporter-shard-3-a",
    "exporter-shard-3-b",
    "prometheus",
  ]);
  await companions.stop("exporter-shard-2-a");
  const up = await stack.up();
  expect(up.code, up.output).toBe(0);
  expect(up.output).toContain("would start: exporter-shard-2-a");
  expect(up.output).toContain("6 exporters run (1 processes started)");
});

test("a changed password reaches the exporters", async () => {
  const changed = "another-password-9b1d";
  await stack.pulumi(["config", "set", "--secret", "password"], { input: changed });
  const up = await stack.up();
  expect(up.code, up.output).toBe(0);
  expect(await eventually("six are up", upTargets, (count) => count === 6)).toBe(6);
});

test("destroy ends all of it and leaves no password behind", async () => {
  const down = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(down.code, down.output).toBe(0);
  for (let port = exporterPort; port <= prometheusPort; port++)
    expect(await probeTcp("127.0.0.1", port, 500)).toBe("refused");
  const left = readdirSync(stack.dataDirectory, { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => path.endsWith("passwords.json"))).toEqual([]);
});
