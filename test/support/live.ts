/** What tests on live clusters ask again and again: redis-cli's verdict, what each node tells, the kit's own redis.conf. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import type { NodeClient } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import { apply, type EngineOptions, look, type Outcome } from "../../cluster/engine";
import { type ClusterNodes, infoNumber, parseClusterNodes, parseInfo } from "../../cluster/parse";
import { describePlan } from "../../cluster/plan/describe";
import { expandRanges } from "../../cluster/slots";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { type ClusterStatus, summarize } from "../../cluster/status";
import { defaultDirectives } from "../../config/defaults";
import type { Host } from "../../hosts/host";
import { renderRedisConf } from "../../templates/render";
import type { LocalNodes } from "./local-nodes";
import type { TrafficReport } from "./traffic";

const run = promisify(execFile);

/** By name; throws for one that the test does not have. */
export function nodeOf(local: LocalNodes, name: string): NodeSpec {
  const found = [...local.nodes, ...local.spares].find((node) => node.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
}

/** CLUSTER NODES as this node tells it. */
export async function told(local: LocalNodes, node: NodeSpec): Promise<ClusterNodes> {
  return parseClusterNodes(await local.cli(node, "cluster", "nodes"));
}

export async function info(local: LocalNodes, node: NodeSpec): Promise<ReadonlyMap<string, string>> {
  return parseInfo(await local.cli(node, "info"));
}

export async function isPrimary(local: LocalNodes, node: NodeSpec): Promise<boolean> {
  return (await told(local, node)).myself.flags.includes("master");
}

/** Bytes by which a replica is behind its primary; undefined while its link is down. */
export async function lagOf(
  local: LocalNodes,
  primary: NodeSpec,
  replica: NodeSpec,
): Promise<number | undefined> {
  const target = infoNumber(await info(local, primary), "master_repl_offset");
  const own = await info(local, replica);
  return own.get("master_link_status") === "up"
    ? Math.max(0, target - infoNumber(own, "slave_repl_offset"))
    : undefined;
}

/** Output of `redis-cli --cluster COMMAND` on the cluster of this node; it says what is wrong in words and an exit code. */
export async function clusterTool(
  local: LocalNodes,
  command: "check" | "rebalance",
  { host, port }: NodeSpec,
): Promise<string> {
  const options = { env: { REDISCLI_AUTH: local.password }, timeout: 60_000 };
  const failed = (error: Error & { stdout?: string }) => ({ stdout: error.stdout ?? error.message });
  const args = ["--cluster", command, `${host}:${port}`];
  const { stdout } = await run(local.binaries.cli, args, options).catch(failed);
  return stdout;
}

/** redis-cli as the independent judge: every slot covered, all nodes agree, nothing open. */
export async function expectChecked(local: LocalNodes, nodes: readonly NodeSpec[]): Promise<void> {
  const [first] = nodes;
  if (!first) throw new Error("no nodes");
  const words = await clusterTool(local, "check", first);
  expect(words).toContain("[OK] All 16384 slots covered.");
  expect(words).toContain("[OK] All nodes agree about slots configuration.");
  expect(words).not.toMatch(/\[ERR\]|\[WARNING\]/);
}

/** As declared in the engine's eyes and in redis-cli's; a further run has nothing to do. */
export async function expectWhole(local: LocalNodes, spec: ClusterSpec): Promise<ClusterStatus> {
  const { view, decision } = await look(spec, { hosts: () => local.host });
  expect(describePlan(decision)).toEqual(["nothing to do: the cluster is as declared"]);
  const status = summarize(spec, view);
  expect(status.healthy).toBe(true);
  await expectChecked(local, spec.nodes);
  return status;
}

/** One `up`, then `expectWhole`. */
export async function bring(
  local: LocalNodes,
  spec: ClusterSpec,
  options: Partial<EngineOptions> = {},
): Promise<{ outcome: Outcome; status: ClusterStatus }> {
  const outcome = await apply(spec, { hosts: () => local.host, ...options });
  return { outcome, status: await expectWhole(local, spec) };
}

export function roleOf(status: ClusterStatus, name: string): string | null | undefined {
  return status.nodes.find((node) => node.name === name)?.role;
}

/** Slots of every primary that owns some, by name. */
export function sharesOf(status: ClusterStatus): Record<string, number> {
  const owners = status.nodes.filter((node) => node.slotCount > 0);
  return Object.fromEntries(owners.map((node) => [node.name, node.slotCount]));
}

export function expectNothingLost(report: TrafficReport, writes = 100): void {
  console.log(
    `${report.writes} writes, longest ${report.longestWriteMs} ms, p99 ${report.p99WriteMs} ms, surfaced ${JSON.stringify(report.surfaced)}`,
  );
  expect(report.writes).toBeGreaterThan(writes);
  expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [] });
}

/** Gives every node the redis.conf that the kit writes by default, `more` over it. Returns its directives. */
export function useKitConf(
  local: LocalNodes,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const directives = { ...defaultDirectives(local.binaries.version), ...more };
  for (const node of [...local.nodes, ...local.spares]) {
    const dir = join(local.dataDirectory, node.name);
    const conf = renderRedisConf({ ...node, dir }, directives, { password: local.password });
    local.setRedisConf(node.name, conf);
  }
  return directives;
}

/** The same host, with something looked at before each stop of a process. */
export function lookingBeforeStops(host: Host, before: (name: string) => Promise<void>): Host {
  return {
    ...host,
    stop: async (node, options) => {
      await before(node.name);
      await host.stop(node, options);
    },
  };
}

/** A connection of its own for keys and values that are not text. */
export async function withClient<T>(
  local: LocalNodes,
  node: NodeSpec,
  use: (client: NodeClient) => Promise<T>,
): Promise<T> {
  const client = await ioredisConnector().connect(node, [local.password]);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** Slots that these nodes claim, as each tells it of itself, ascending. */
export async function claimed(local: LocalNodes, nodes: readonly NodeSpec[]): Promise<number[]> {
  const lines = await Promise.all(nodes.map(async (node) => (await told(local, node)).myself.slots));
  return lines.flatMap(expandRanges).sort((a, b) => a - b);
}
