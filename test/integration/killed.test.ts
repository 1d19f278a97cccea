/**
 * The engine gets SIGKILL at random moments of its work, in a process of its own, on real servers and under writes. The
 * next run finishes what the killed one began, from what the cluster shows alone.
 *
 * KILLS=50 KEYS=500000 asks for more than every build does; KILL_SEED repeats a run's moments.
 */
import { afterEach, describe, expect, it } from "vitest";
import { apply, type Progress } from "../../cluster/engine";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { type Moment, type RunEnd, runApply } from "../support/child-run";
import { contentProblems, loadKeys } from "../support/content";
import { expectNothingLost, expectWhole } from "../support/live";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

const KILLS = Number(process.env.KILLS ?? 8);
const KEYS = Number(process.env.KEYS ?? 50_000);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
/** Of creation, rolling restart and scale-in. */
const FEWER_KILLS = Math.ceil((KILLS * 3) / 8);
/** In the small run, how often a reshard is killed before it is let through; then its continuation is killed, too. */
const KILLS_IN_A_ROW = KILLS > 8 ? 1 : 2;

let local: LocalNodes;
afterEach(() => local.end());

/** mulberry32: a small generator whose numbers follow from the seed alone. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Steps of the finishing run that take longer are named, in ms. */
const SLOW_MS = 5_000;

/** No rolling restart of six nodes is shorter than this: each of nine steps takes a second. */
const ROLLING: Spans = { wholeMs: 9_000 };

/** How long a run and its longest step take when nobody kills them. */
interface Spans {
  readonly wholeMs: number;
  readonly step?: { readonly kind: string; readonly ms: number };
}

function spansOf(end: RunEnd, kind?: string): Spans {
  const step = end.steps.find((candidate) => candidate.kind === kind);
  const wholeMs = end.elapsedMs;
  return step
    ? { wholeMs, step: { kind: step.kind, ms: (step.doneMs ?? wholeMs) - step.startedMs } }
    : { wholeMs };
}

/**
 * `count` moments spread over a run, one at random in each equal part of it. With a step in `spans`, every other moment is
 * spread over that step instead.
 */
function momentsOf(spans: Spans, count: number, random: () => number): Moment[] {
  return Array.from({ length: count }, (_, index): Moment => {
    // Not to its very end: a run that is a little faster than the measured one would be through.
    const part = (0.95 * (index + random())) / count;
    return spans.step && index % 2 === 1
      ? { after: { step: spans.step.kind }, delayMs: part * spans.step.ms }
      : { after: "the start", delayMs: part * spans.wholeMs };
  });
}

/** Kills runs of the same declaration at these moments, then lets one through. Returns how the killed ones ended. */
async function killThenFinish(spec: ClusterSpec, moments: readonly Moment[]): Promise<RunEnd[]> {
  const killed: RunEnd[] = [];
  for (const moment of moments) {
    const end = await runApply(local, spec, moment);
    if (!end.killed) break;
    killed.push(end);
  }
  const began = performance.now();
  const slow: string[] = [];
  const progress = (event: Progress) => {
    if (event.kind === "step" && (event.elapsedMs ?? 0) > SLOW_MS)
      slow.push(`${event.step.kind} ${event.elapsedMs?.toFixed(0)} ms`);
  };
  const outcome = await apply(spec, { hosts: () => local.host, progress });
  const last = killed.at(-1);
  console.log(
    `${killed.map((end) => `killed at ${end.elapsedMs.toFixed(0)} ms, ${end.during}`).join("; ") || "not killed"}; ` +
      `finished in ${(performance.now() - began).toFixed(0)} ms with ${outcome.steps.length} steps ${slow.join(", ")}`,
  );
  expect(last === undefined || last.killed).toBe(true);
  return killed;
}

async function expectContent(spec: ClusterSpec): Promise<void> {
  expect(await contentProblems(spec.nodes, local.password, KEYS)).toEqual([]);
}

/** Every replica has exactly what its primary has (DEBUG DIGEST covers every key, value and expiry). */
async function expectCopies(nodes: readonly NodeSpec[]): Promise<void> {
  for (const shard of new Set(nodes.map((node) => node.shard))) {
    const members = nodes.filter((node) => node.shard === shard);
    const digests = () => Promise.all(members.map((node) => local.cli(node, "debug", "digest")));
    await expect.poll(async () => new Set(await digests()).size, { timeout: 10_000 }).toBe(1);
  }
}

/** Clients that leave the machine room to work. */
function writers(nodes: readonly NodeSpec[]): Promise<Traffic> {
  return Traffic.start({ nodes, password: local.password, writesPerSecond: 400 });
}

describe(`a run killed at random moments (KILL_SEED=${SEED})`, () => {
  it("of creation: the next one makes the cluster", async () => {
    const random = generator(SEED);
    let moments: readonly Moment[] = [{ after: "the start", delayMs: 60_000 }];
    for (let round = 0; round <= FEWER_KILLS; round++) {
      local = await startLocalNodes({ shards: 3, replicas: 1, start: false });
      const spec = specOf(local);
      if (round === 0) {
        moments = momentsOf(spansOf(await runApply(local, spec)), FEWER_KILLS, random);
      } else {
        await killThenFinish(spec, moments.slice(round - 1, round));
        await expectWhole(local, spec);
      }
      if (round < FEWER_KILLS) await local.end();
    }
  });

  it(
    `of a reshard with ${KEYS} keys and of the way back: the next one finishes, every key and every write is there`,
    async () => {
      local = await startLocalNodes({ shards: 4, replicas: 1, start: false });
      const random = generator(SEED + 1);
      const three = local.nodes.filter((node) => node.shard < 3);
      const out = specOf(local);
      const back = specOf(local, {
        nodes: three,
        leaving: local.nodes.filter((node) => !three.includes(node)),
      });
      await apply(specOf(local, { nodes: three }), { hosts: () => local.host });
      await loadKeys(three, local.password, KEYS);
      const traffic = await writers(three);
      const outMoments = momentsOf(spansOf(await runApply(local, out), "moveSlots"), KILLS, random);
      const backMoments = momentsOf(spansOf(await runApply(local, back), "moveSlots"), FEWER_KILLS, random);
      const killed: RunEnd[] = [];
      const turns = Math.ceil(KILLS / KILLS_IN_A_ROW);
      for (let turn = 0; turn < turns; turn++) {
        // The continuation of a killed run is killed in the next part of what the first was killed in.
        const moments = outMoments.slice(turn * KILLS_IN_A_ROW, (turn + 1) * KILLS_IN_A_ROW);
        killed.push(...(await killThenFinish(out, moments)));
        await expectWhole(local, out);
        await expectContent(out);
        killed.push(...(await killThenFinish(back, backMoments.slice(turn, turn + 1))));
        await expectWhole(local, back);
      }
      await expectContent(back);
      expectNothingLost(await traffic.stop(), 1000);
      await expectCopies(three);
      console.log(
        `${killed.length} runs killed, ${killed.filter((end) => /move/.test(end.during)).length} of them while keys moved`,
      );
      expect(killed.length).toBeGreaterThan((KILLS + FEWER_KILLS) / 2);
    },
    60_000 + (KILLS + FEWER_KILLS) * (25_000 + KEYS / 10),
  );

  it(
    "of a rolling restart: the next one finishes, every key and every write is there",
    async () => {
      local = await startLocalNodes({ shards: 3, replicas: 1, start: false });
      const random = generator(SEED + 2);
      const declare = (backlog: number): ClusterSpec => {
        const nodes = local.nodes.map((node): NodeSpec => {
          const conf = local.redisConfOf(node.name).replace(/^tcp-backlog .*\n/m, "");
          local.setRedisConf(node.name, `${conf}tcp-backlog ${backlog}\n`);
          return { ...node, directives: { "tcp-backlog": String(backlog) } };
        });
        return specOf(local, { nodes });
      };
      await apply(declare(100), { hosts: () => local.host });
      await loadKeys(local.nodes, local.password, KEYS);
      const traffic = await writers(local.nodes);
      const killed: RunEnd[] = [];
      for (const [turn, moment] of momentsOf(ROLLING, FEWER_KILLS, random).entries()) {
        const spec = declare(101 + turn);
        killed.push(...(await killThenFinish(spec, [moment])));
        await expectWhole(local, spec);
      }
      await expectContent(specOf(local));
      expectNothingLost(await traffic.stop(), 1000);
      await expectCopies(local.nodes);
      expect(killed).toHaveLength(FEWER_KILLS);
    },
    60_000 + FEWER_KILLS * (40_000 + KEYS / 10),
  );
});
