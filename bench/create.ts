/**
 * Creation of a cluster: this engine against `redis-cli --cluster create`, in alternation, each time on servers of its own that were just started.
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
  for (const count of values.nodes.split(",").map(Number))
    await compare(count, values.line as RedisLine, Number(values.rounds), values.steps);
}

type Create = (local: LocalNodes, spec: ClusterSpec) => Promise<unknown>;

async function compare(count: number, line: RedisLine, rounds: number, steps: boolean): Promise<void> {
  const progress = (event: Progress) => {
    if (steps && event.kind === "step" && event.state === "done")
      console.log(`    ${event.step.kind} ${event.elapsedMs?.toFixed(0)} ms`);
  };
  const ours: Timing[] = [];
  const theirs: Timing[] = [];
  console.log(`${count} nodes, Redis ${line}, ${rounds} rounds in alternation, each on servers just started`);
  for (let round = 1; round <= rounds; round++) {
    ours.push(
      await onNewServers(count, line, (local, spec) => apply(spec, { hosts: () => local.host, progress })),
    );
    theirs.push(await onNewServers(count, line, redisCliCreate));
    console.log(`  round ${round}: engine ${show(ours.at(-1))}; redis-cli ${show(theirs.at(-1))}`);
  }
  const ratio = (pick: (timing: Timing) => number) =>
    (median(theirs.map(pick)) / median(ours.map(pick))).toFixed(1);
  console.log(
    `  median: agreement of all nodes ${ratio((t) => t.agreedMs)} times as fast, return ${ratio((t) => t.returnedMs)} times as fast`,
  );
}

/** What nodes heard of each other in an earlier cluster lives on in gossip for a while, so each creation gets its own. */
async function onNewServers(count: number, line: RedisLine, create: Create): Promise<Timing> {
  const local = await startLocalNodes({ shards: count / 2, replicas: 1, line });
  const spec = specOf(local);
  const sessions = new Sessions(spec, () => ioredisConnector(), "bench");
  try {
    // A server serves as a primary only 2 s after its start, and sixty starts keep two cores busy; both tools begin after that.
    await systemClock.sleep(6000);
    return await timed(spec, sessions, () => create(local, spec));
  } finally {
    sessions.close();
    await local.end();
  }
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
