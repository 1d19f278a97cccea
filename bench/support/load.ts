/**
 * Clients of a cluster in a process of their own: GET and SET of known keys at a steady rate, each operation timed from when it was due.
 * Usage (by bench/reshard.ts): load.ts SEEDS KEYS VALUE_BYTES OPERATIONS_PER_SECOND VALUES; the password comes in LOAD_PASSWORD. Prints "ready" once
 * warmed up; the first line on stdin begins the measurement, the second ends it and prints one line of JSON.
 */
import { constants, setPriority } from "node:os";
import { benchValue, type Values } from "./fill";
import { noRedirects, SlotClient } from "./slot-client";

/** Until connected and compiled to the end: after 1.5 s a p99 of 5.4 ms was measured where after 8 s it was 3.6, with nothing moving. */
const WARM_UP_MS = 6_000;
/** Tick of the schedule, the shortest there is. Operations due within one tick start together. */
const TICK_MS = 1;
/** Clients are on other machines, as a rule: servers must not keep them from the processor. */
const PRIORITY = constants.priority.PRIORITY_HIGHEST;

const [seeds = "", keys = "0", valueBytes = "0", rate = "0", values = "noise"] = process.argv.slice(2);
const client = new SlotClient(seeds.split(","), process.env.LOAD_PASSWORD || undefined, 60_000);
const value = benchValue(values as Values, Number(valueBytes));
const latencies: number[] = [];
let failed = 0;
let running = 0;

function operate(dueMs: number): void {
  const key = `key:${Math.floor(Math.random() * Number(keys))}`;
  const operation =
    Math.random() < 0.5 ? client.command(key, "GET", key) : client.command(key, "SET", key, value);
  running++;
  operation.then(
    () => {
      latencies.push(performance.now() - dueMs);
      running--;
    },
    () => {
      failed++;
      running--;
    },
  );
}

let timer: NodeJS.Timeout | undefined;

async function begin(): Promise<void> {
  await client.learnOwners();
  let due = performance.now();
  timer = setInterval(() => {
    const now = performance.now();
    for (; due <= now; due += 1000 / Number(rate)) operate(due);
  }, TICK_MS);
  setTimeout(() => process.stdout.write("ready\n"), WARM_UP_MS);
}

try {
  setPriority(PRIORITY);
} catch {
  // Not for everybody to have: then clients wait for their processor, too, with each tool alike.
}
void begin();

process.stdin.once("data", () => {
  latencies.length = 0;
  failed = 0;
  client.counts = noRedirects();
  process.stdin.once("data", () => void report());
});

async function report(): Promise<void> {
  clearInterval(timer);
  while (running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  latencies.sort((a, b) => a - b);
  const at = (part: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  const result = {
    operations: latencies.length,
    failed,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  };
  process.stdout.write(`${JSON.stringify({ ...result, ...client.counts })}\n`, () => process.exit(0));
}
