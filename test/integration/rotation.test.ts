import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Connector, NodeClient } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import { apply, type EngineOptions, look, type Progress } from "../../cluster/engine";
import { PasswordRefusedError } from "../../cluster/errors";
import { parseInfo } from "../../cluster/parse";
import { describeStep } from "../../cluster/plan/describe";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { summarize } from "../../cluster/status";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import type { RedisLine } from "../support/redis-binaries";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

const OLD = "test-password";
const NEW = "another-password";

let local: LocalNodes;
afterEach(() => local.end());

/** The declaration with another password; files in place accordingly. */
function declare(password: string, overrides: Partial<ClusterSpec> = {}): ClusterSpec {
  const nodes = local.nodes.map((node): NodeSpec => {
    const conf = local.redisConfOf(node.name).replace(/^(requirepass|masterauth) .*\n/gm, "");
    const redisConf = `${conf}requirepass ${password}\nmasterauth ${password}\n`;
    local.setRedisConf(node.name, redisConf);
    return { ...node, configSha256: createHash("sha256").update(redisConf).digest("hex") };
  });
  return specOf(local, { nodes, password, ...overrides });
}

async function accepts(node: NodeSpec, password: string): Promise<boolean> {
  try {
    (await ioredisConnector().connect(node, [password])).close();
    return true;
  } catch (error) {
    if (error instanceof PasswordRefusedError) return false;
    throw error;
  }
}

async function acceptance(password: string): Promise<boolean[]> {
  return Promise.all(local.nodes.map((node) => accepts(node, password)));
}

/** Opens new connections all the while, with the old password and with the new one, and notes what gets in. */
class NewConnections {
  private stopping = false;
  readonly samples: { atMs: number; node: string; old: boolean; new: boolean }[] = [];
  private readonly workers = Promise.all(local.nodes.map((node) => this.knock(node)));

  async stop(): Promise<void> {
    this.stopping = true;
    await this.workers;
  }

  /** Moments at which a client that tries both passwords would not have got in. */
  get lockedOut() {
    return this.samples.filter((sample) => !sample.old && !sample.new);
  }

  private async knock(node: NodeSpec): Promise<void> {
    while (!this.stopping) {
      const atMs = performance.now();
      const old = await accepts(node, OLD);
      this.samples.push({ atMs, node: node.name, old, new: await accepts(node, NEW) });
      await sleep(5);
    }
  }
}

function recorder(): { events: string[]; progress: (event: Progress) => void } {
  const events: string[] = [];
  const progress = (event: Progress) => {
    if (event.kind === "detail" && event.text.startsWith("new connections")) events.push(`  ${event.text}`);
    if (event.kind === "step" && event.state === "done")
      events.push(`${describeStep(event.step)}  ${event.elapsedMs?.toFixed(0)} ms`);
  };
  return { events, progress };
}

async function start(line: RedisLine, password = OLD): Promise<EngineOptions> {
  local = await startLocalNodes({ line, shards: 3, replicas: 1, start: false, password });
  const options = { hosts: () => local.host };
  await apply(password === "" ? specOf(local) : declare(password), options);
  return options;
}

/** A run that dies when it is about to change the password of one node more than `changes`. */
function dyingConnector(changes: number): Connector {
  let left = changes;
  const spend = () => {
    if (--left < 0) throw new Error("killed");
  };
  const dying = (client: NodeClient): NodeClient => ({
    node: client.node,
    passwordIndex: client.passwordIndex,
    call: async (name, ...args) => {
      if (name === "ACL" && args[0] === "SETUSER") spend();
      return client.call(name, ...args);
    },
    callBinary: (...command) => client.callBinary(...command),
    pipeline: async (commands) => {
      if (commands[0]?.[0] === "MULTI") spend();
      return client.pipeline(commands);
    },
    pipelineBinary: (commands) => client.pipelineBinary(commands),
    close: () => client.close(),
  });
  const real = ioredisConnector();
  return { connect: async (...target) => dying(await real.connect(...target)) };
}

/** Breaks every replication link and waits until all are up again: proof that each node shows what its primary wants. */
async function relink(password: string): Promise<void> {
  const [first] = local.nodes;
  if (!first) throw new Error("no nodes");
  for (const node of local.nodes) {
    const client = await ioredisConnector().connect(node, [password]);
    await client.call("CLIENT", "KILL", "TYPE", "slave");
    client.close();
  }
  await expect
    .poll(
      async () => {
        const lost: string[] = [];
        for (const node of local.nodes) {
          const client = await ioredisConnector().connect(node, [password]);
          const info = parseInfo(String(await client.call("INFO", "replication")));
          client.close();
          if (info.get("role") === "slave" && info.get("master_link_status") !== "up") lost.push(node.name);
        }
        return lost;
      },
      { timeout: 10_000 },
    )
    .toEqual([]);
}

async function expectRotated(spec: ClusterSpec, options: EngineOptions): Promise<void> {
  expect(await acceptance(NEW)).toEqual(local.nodes.map(() => true));
  expect(await acceptance(OLD)).toEqual(local.nodes.map(() => false));
  const { view, decision } = await look(spec, options);
  expect(decision).toMatchObject({ kind: "plan", steps: [] });
  expect(summarize(spec, view).healthy).toBe(true);
  await relink(NEW);
}

describe("password rotation on real servers", () => {
  for (const line of ["5.0", "7.0"] as const) {
    it(`changes the password of ${line} while clients work: no error, and nobody with both is locked out`, async () => {
      const options = await start(line);
      const traffic = await Traffic.start({ nodes: local.nodes, password: OLD });
      const newConnections = new NewConnections();
      await sleep(300);
      const spec = declare(NEW, { previousPasswords: [OLD] });
      const { events, progress } = recorder();
      await apply(spec, { ...options, progress });
      await sleep(300);
      await newConnections.stop();
      console.log(
        `${line}\n${events.join("\n")}\n${newConnections.samples.length} new connections of each kind`,
      );
      expect(newConnections.lockedOut).toEqual([]);
      const report = await traffic.stop();
      console.log(JSON.stringify(report));
      expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [], surfaced: {} });
      await expectRotated(spec, options);
    });

    it(`is continued on ${line} by runs that die in the middle of every phase`, async () => {
      const options = await start(line);
      const traffic = await Traffic.start({ nodes: local.nodes, password: OLD });
      const spec = declare(NEW, { previousPasswords: [OLD] });
      let deaths = 0;
      for (let done = false; !done && deaths < 20; ) {
        try {
          await apply(spec, { ...options, connector: dyingConnector(4) });
          done = true;
        } catch (error) {
          expect(String(error)).toContain("killed");
          deaths++;
          const [old, now] = [await acceptance(OLD), await acceptance(NEW)];
          expect(old.map((accepted, index) => accepted || now[index])).toEqual(local.nodes.map(() => true));
        }
      }
      expect(deaths).toBeGreaterThanOrEqual(2);
      const report = await traffic.stop();
      expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [], surfaced: {} });
      await expectRotated(spec, options);
    });

    it(`is finished on ${line} with a node that restarted from the new file and links that broke in the middle`, async () => {
      const options = await start(line);
      const spec = declare(NEW, { previousPasswords: [OLD] });
      await expect(apply(spec, { ...options, connector: dyingConnector(8) })).rejects.toThrow(/killed/);
      for (const name of ["s0-m1", "s1-m0"]) {
        const node = local.nodes.find((candidate) => candidate.name === name);
        if (node) await local.host.stop(node, { kill: true });
      }
      await apply(spec, options);
      await expectRotated(spec, options);
    });
  }

  it("keeps the old password for a phase on 6.2, over restarts, until the declaration ends it", async () => {
    const options = await start("6.2");
    const phase = { previousPasswords: [OLD], keepPreviousPasswords: true };
    await apply(declare(NEW, phase), options);
    expect(await acceptance(NEW)).toEqual(local.nodes.map(() => true));
    expect(await acceptance(OLD)).toEqual(local.nodes.map(() => true));

    const spec = declare(NEW, phase);
    const nodes = spec.nodes.map((node): NodeSpec => {
      local.setRedisConf(node.name, `${local.redisConfOf(node.name)}tcp-backlog 200\n`);
      const { configSha256: _, ...rest } = node;
      return { ...rest, directives: { "tcp-backlog": "200" } };
    });
    const { events, progress } = recorder();
    await apply({ ...spec, nodes }, { ...options, progress });
    expect(events.filter((event) => event.startsWith("restart"))).toHaveLength(6);
    expect(await acceptance(OLD)).toEqual(local.nodes.map(() => true));

    // By then nobody may know the old one any more: what else opens connections ends as well.
    const ended = { ...spec, nodes, previousPasswords: [], keepPreviousPasswords: false };
    await apply(ended, options);
    await expectRotated(ended, options);
  });

  it("gives a 5.0 cluster without a password one, and replicas do not take the refusals for data", async () => {
    const options = await start("5.0", "");
    const [first] = local.nodes;
    if (!first) throw new Error("no nodes");
    for (let key = 0; key < 50; key++) await local.cli(first, "-c", "set", `key:${key}`, "value");
    const spec = declare(NEW);
    await apply(spec, options);
    await sleep(2500);
    for (const shard of [0, 1, 2]) {
      const offsets = await Promise.all(
        local.nodes
          .filter((node) => node.shard === shard)
          .map(async (node) => {
            const client = await ioredisConnector().connect(node, [NEW]);
            const info = parseInfo(String(await client.call("INFO", "replication")));
            client.close();
            return Number(info.get("slave_repl_offset") ?? info.get("master_repl_offset"));
          }),
      );
      expect(Math.abs((offsets[0] ?? 0) - (offsets[1] ?? 1))).toBeLessThan(20);
    }
    expect(await acceptance(NEW)).toEqual(local.nodes.map(() => true));
    await relink(NEW);
  });

  it("leaves no password in the slow log of 5.0, though everything is logged, and the threshold as it was", async () => {
    const options = await start("5.0");
    for (const node of local.nodes) await local.cli(node, "config", "set", "slowlog-log-slower-than", "0");
    await apply(declare(NEW, { previousPasswords: [OLD] }), options);
    for (const node of local.nodes) {
      const client = await ioredisConnector().connect(node, [NEW]);
      const entries = JSON.stringify(await client.call("SLOWLOG", "GET", 1000));
      const threshold = await client.call("CONFIG", "GET", "slowlog-log-slower-than");
      client.close();
      // Clients of 5.0 leave their own AUTH there.
      expect(entries.replace(/\["AUTH","[^"]*"\]/gi, "")).not.toContain(NEW);
      expect(entries).toContain("slowlog-log-slower-than");
      expect(threshold).toEqual(["slowlog-log-slower-than", "0"]);
    }
  });
});
