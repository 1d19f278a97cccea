/**
 * Creation of a cluster: this engine against `redis-cli --cluster create`, on the same running servers, in alternation.
 * Usage: npm run bench create -- [--nodes 6,60] [--rounds 3] [--line 5.0]
 */
import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { type Story, unsettled } from "../cluster/agreement";
import { systemClock } from "../cluster/clock";
import { ioredisConnector } from "../cluster/connection";
import { apply, type Progress } from "../cluster/engine";
import { parseClusterNodes } from "../cluster/parse";
import { Sessions } from "../cluster/sessions";
import { countSlots } from "../cluster/slots";
import { type ClusterSpec, type NodeSpec, SLOT_COUNT } from "../cluster/spec";
import { waitUntil } from "../cluster/wait";
import { type LocalNodes, startLocalNodes } from "../test/support/local-nodes";
import type { RedisLine } from "../test/support/redis-binaries";
import { specOf } from "../test/support/specs";

const run = promisify(execFile);

interface Timing {
  /** Until every node tells the same members, roles and slots, in ms. */
  readonly agreedMs: number;
  /** Until the tool returned, in ms. Ours has verified by then that every replica is in sync. */
  readonly returnedMs: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "6,60" },
      rounds: { type: "string", default: "3" },
      line: { type: "string", default: "5.0" },
      steps: { type: "boolean", default: false },
    },
  });
  for (const count of values.nodes.split(",").map(Number)) {
    const local = await startLocalNodes({ shards: count / 2, replicas: 1, line: values.line as RedisLine });
    try {
      await compare(local, count, Number(values.rounds), values.steps);
    } finally {
      await local.end();
    }
  }
}

async function compare(local: LocalNodes, count: number, rounds: number, steps: boolean): Promise<void> {
  const spec = specOf(local);
  const sessions = new Sessions(spec, () => ioredisConnector(), "bench");
  const ours: Timing[] = [];
  const theirs: Timing[] = [];
  // A server serves as a primary only 2 s after its start; both tools begin after that.
  await systemClock.sleep(3000);
  console.log(`${count} nodes, Redis ${local.binaries.version}, ${rounds} rounds in alternation`);
  const progress = (event: Progress) => {
    if (steps && event.kind === "step" && event.state === "done")
      console.log(`    ${event.step.kind} ${event.elapsedMs?.toFixed(0)} ms`);
  };
  for (let round = 1; round <= rounds; round++) {
    ours.push(await timed(spec, sessions, () => apply(spec, { hosts: () => local.host, progress })));
    await resetAll(spec, sessions);
    theirs.push(await timed(spec, sessions, () => redisCliCreate(local)));
    await resetAll(spec, sessions);
    console.log(`  round ${round}: engine ${show(ours.at(-1))}; redis-cli ${show(theirs.at(-1))}`);
  }
  sessions.close();
  const ratio = (pick: (timing: Timing) => number) =>
    (median(theirs.map(pick)) / median(ours.map(pick))).toFixed(1);
  console.log(
    `  median: agreement of all nodes ${ratio((t) => t.agreedMs)} times as fast, return ${ratio((t) => t.returnedMs)} times as fast`,
  );
}

async function timed(spec: ClusterSpec, sessions: Sessions, create: () => Promise<unknown>): Promise<Timing> {
  const start = performance.now();
  const [agreedMs, returnedMs] = await Promise.all([
    waitAgreed(spec, sessions).then(() => performance.now() - start),
    create().then(() => performance.now() - start),
  ]);
  return { agreedMs, returnedMs };
}

/** The same independent look for both tools. */
async function waitAgreed(spec: ClusterSpec, sessions: Sessions): Promise<void> {
  await waitUntil(
    async () => {
      const told = await Promise.allSettled(spec.nodes.map((node) => storyOf(node, sessions)));
      const stories = told.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
      if (stories.length < told.length) return `${told.length - stories.length} nodes did not answer`;
      const replicas = stories.filter((story) => story.role === "replica").length;
      if (replicas !== spec.nodes.length - spec.shards.length) return `${replicas} replicas`;
      const covered = stories.reduce((sum, story) => sum + countSlots(story.slots), 0);
      if (covered !== SLOT_COUNT) return `${covered} slots`;
      return unsettled(stories, spec.nodes) ?? true;
    },
    { clock: systemClock, timeoutMs: 180_000, intervalMs: 50, maxIntervalMs: 100, what: "agreement" },
  );
}

async function storyOf(node: NodeSpec, sessions: Sessions): Promise<Story> {
  const text = await sessions.withClient(node, (client) => client.call("CLUSTER", "NODES"));
  const { myself, peers, migrating, importing } = parseClusterNodes(String(text));
  const replica = myself.flags.includes("slave");
  return {
    name: node.name,
    id: myself.id,
    role: replica ? "replica" : "primary",
    slots: myself.slots,
    peers,
    migrating,
    importing,
    clusterState: "ok",
    ...(replica ? { primaryId: myself.primaryId ?? "", linkUp: true } : {}),
  };
}

async function redisCliCreate(local: LocalNodes): Promise<void> {
  const order = [...local.nodes].sort((a, b) => a.member - b.member || a.shard - b.shard);
  const addresses = order.map((node) => `${node.host}:${node.port}`);
  await run(
    local.binaries.cli,
    ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"],
    { env: { REDISCLI_AUTH: local.password }, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 },
  );
}

/** Back to nodes that know nobody, replicas first so that no primary is failed over meanwhile. */
async function resetAll(spec: ClusterSpec, sessions: Sessions): Promise<void> {
  const reset = new Set<string>();
  await waitUntil(
    async () => {
      for (const node of spec.nodes) {
        if (reset.has(node.name)) continue;
        // Sixty servers on two cores may be slow to answer: asked again until each has done it.
        const done = sessions.withClient(node, (client) => client.call("CLUSTER", "RESET", "HARD"));
        if (await done.catch(() => false)) reset.add(node.name);
      }
      if (reset.size < spec.nodes.length) return `${reset.size} of ${spec.nodes.length} nodes reset`;
      const told = await Promise.allSettled(spec.nodes.map((node) => storyOf(node, sessions)));
      const alone = told.filter(
        (answer) =>
          answer.status === "fulfilled" && answer.value.peers.length === 0 && answer.value.role === "primary",
      ).length;
      return alone === told.length || `${alone} of ${told.length} nodes are alone`;
    },
    { clock: systemClock, timeoutMs: 120_000, what: "all nodes to be alone" },
  );
  await systemClock.sleep(1000);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function show(timing: Timing | undefined): string {
  const seconds = (ms = Number.NaN) => `${(ms / 1000).toFixed(2)} s`;
  return `agreed ${seconds(timing?.agreedMs)}, returned ${seconds(timing?.returnedMs)}`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
