/**
 * Rolling restarts in a row under writes: what clients notice of each planned failover, and whether anything is lost.
 * Usage: npm run soak [-- --rounds 100] [--line 5.0] [--writes 1000]
 * Ends with exit code 1 if a write was lost, a read was wrong, or a client had to give up.
 */
import { parseArgs } from "node:util";
import { apply, type Progress } from "../cluster/engine";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import { type LocalNodes, startLocalNodes } from "../test/support/local-nodes";
import { REDIS_LINES, type RedisLine } from "../test/support/redis-binaries";
import { specOf } from "../test/support/specs";
import { Traffic, type TrafficReport } from "../test/support/traffic";

/** A value of tcp-backlog, which only a restart changes, for each round in turn. */
const BACKLOGS = [200, 201];

interface Options {
  readonly rounds: number;
  readonly line: RedisLine;
  readonly writesPerSecond: number;
}

interface Round {
  readonly elapsedMs: number;
  /** Longest write while each failover was under way, in ms. */
  readonly gapsMs: readonly number[];
  readonly report: TrafficReport;
}

async function main(): Promise<void> {
  const options = readOptions();
  const local = await startLocalNodes({ line: options.line, shards: 3, replicas: 1, start: false });
  try {
    await apply(declare(local, 199), { hosts: () => local.host });
    console.log(`Redis ${local.binaries.version}, 3 shards of 2, ${options.rounds} rolling restarts`);
    const rounds: Round[] = [];
    for (let number = 1; number <= options.rounds; number++) {
      const round = await restartAll(local, BACKLOGS[number % BACKLOGS.length] ?? 0, options);
      rounds.push(round);
      console.log(lineOf(number, round));
    }
    console.log(summaryOf(rounds));
    if (rounds.some(({ report }) => harmOf(report).length > 0)) process.exitCode = 1;
  } finally {
    await local.end();
  }
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "100" },
      line: { type: "string", default: "5.0" },
      writes: { type: "string", default: "1000" },
    },
  });
  const line = REDIS_LINES.find((known) => known === values.line);
  const [rounds, writesPerSecond] = [Number(values.rounds), Number(values.writes)];
  if (!line || !(rounds > 0) || !(writesPerSecond > 0))
    throw new Error(`--line is one of ${REDIS_LINES.join(", ")}; --rounds and --writes are above 0`);
  return { rounds, line, writesPerSecond };
}

function declare(local: LocalNodes, backlog: number): ClusterSpec {
  const nodes = local.nodes.map((node): NodeSpec => {
    const conf = local.redisConfOf(node.name).replace(/^tcp-backlog .*\n/m, "");
    local.setRedisConf(node.name, `${conf}tcp-backlog ${backlog}\n`);
    return { ...node, directives: { "tcp-backlog": String(backlog) } };
  });
  return specOf(local, { nodes });
}

/** Every node once. The clients' own check ends the round: each key is read again and compared. */
async function restartAll(local: LocalNodes, backlog: number, { writesPerSecond }: Options): Promise<Round> {
  const traffic = await Traffic.start({ nodes: local.nodes, password: local.password, writesPerSecond });
  const gapsMs: number[] = [];
  const progress = (event: Progress) => {
    if (event.kind !== "step") return;
    const longestMs = traffic.takeLongestMs();
    if (event.state === "done" && event.step.kind === "failover") gapsMs.push(longestMs);
  };
  const { elapsedMs } = await apply(declare(local, backlog), { hosts: () => local.host, progress });
  return { elapsedMs, gapsMs, report: await traffic.stop() };
}

/** What must not happen, one entry each. */
function harmOf({ lost, wrongReads, failed }: TrafficReport): string[] {
  return [
    ...lost.map((text) => `lost: ${text}`),
    ...wrongReads.map((text) => `wrong read: ${text}`),
    ...failed.map((text) => `given up: ${text}`),
  ];
}

function lineOf(number: number, { elapsedMs, gapsMs, report }: Round): string {
  const harm = harmOf(report);
  return [
    `${String(number).padStart(3)}  ${(elapsedMs / 1000).toFixed(1)} s`,
    `gaps ${gapsMs.map((gap) => gap.toFixed(0)).join(", ")} ms`,
    `${report.writes} writes, ${report.reads} reads`,
    harm.length === 0 ? "nothing lost" : harm.join("; "),
  ].join("   ");
}

function summaryOf(rounds: readonly Round[]): string {
  const gaps = rounds.flatMap((round) => round.gapsMs).sort((a, b) => a - b);
  const at = (part: number) => (gaps[Math.ceil(gaps.length * part) - 1] ?? Number.NaN).toFixed(1);
  const total = (pick: (report: TrafficReport) => number) =>
    rounds.reduce((sum, { report }) => sum + pick(report), 0);
  const surfaced = total((report) => Object.values(report.surfaced).reduce((sum, count) => sum + count, 0));
  return (
    `${gaps.length} planned failovers: gap p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms\n` +
    `${total((report) => report.writes)} acknowledged writes, ${total((report) => report.lost.length)} lost; ` +
    `${total((report) => report.reads)} reads, ${total((report) => report.wrongReads.length)} wrong; ` +
    `${surfaced} errors that a client saw and tried again, ${total((report) => report.failed.length)} given up`
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
