/** The field's pains with restarts, failovers and passwords (rows 2, 3, 15, 20), on real servers. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { apply, type Progress } from "../../cluster/engine";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import {
  bring,
  expectNothingLost,
  expectWhole,
  info,
  isPrimary,
  lagOf,
  lookingBeforeStops,
  nodeOf,
  roleOf,
  told,
  useKitConf,
} from "../support/live";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

/** A replica that is this near gets the rest in the moment in which CLUSTER FAILOVER pauses the clients. */
const NEAR_BYTES = 20_000;

let local: LocalNodes;
afterEach(() => local.end());

async function start(options: Parameters<typeof startLocalNodes>[0] = {}): Promise<void> {
  local = await startLocalNodes({ shards: 3, replicas: 1, start: false, ...options });
  await apply(declareBacklog(100), { hosts: () => local.host });
}

/** The declaration with tcp-backlog, which only a restart changes. */
function declareBacklog(value: number): ClusterSpec {
  const nodes = local.nodes.map((node): NodeSpec => {
    const conf = local.redisConfOf(node.name).replace(/^tcp-backlog .*\n/m, "");
    local.setRedisConf(node.name, `${conf}tcp-backlog ${value}\n`);
    return { ...node, directives: { "tcp-backlog": String(value) } };
  });
  return specOf(local, { nodes });
}

/** Looks all the while which processes run. */
class ProcessWatch {
  private stopping = false;
  /** Names of nodes that were seen down in the same look. */
  readonly together = new Set<string>();
  private readonly worker = this.watch();

  async stop(): Promise<void> {
    this.stopping = true;
    await this.worker;
  }

  private async watch(): Promise<void> {
    while (!this.stopping) {
      const facts = await Promise.all(
        local.nodes.map(async (node) => ({ node, process: (await local.host.inspect(node)).process })),
      );
      const down = facts.filter((fact) => fact.process === "stopped").map((fact) => fact.node.name);
      if (down.length > 1) this.together.add(down.join(" and "));
      await sleep(10);
    }
  }
}

describe("restarts", () => {
  it("field 2: an upgrade restarts one node at a time, each when the others of its shard have all the data", async () => {
    await start();
    const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
    const watch = new ProcessWatch();
    const atStops: { node: string; primary: boolean; others: (number | undefined)[] }[] = [];
    const host = lookingBeforeStops(local.host, async (name) => {
      const node = nodeOf(local, name);
      const mates = local.nodes.filter((other) => other.shard === node.shard);
      const primaries = [];
      for (const mate of mates) if (await isPrimary(local, mate)) primaries.push(mate);
      const [primary] = primaries;
      if (!primary) throw new Error(`nobody leads the shard of ${name}`);
      const replicas = mates.filter((mate) => mate !== primary);
      const others = await Promise.all(replicas.map((replica) => lagOf(local, primary, replica)));
      atStops.push({ node: name, primary: primary === node, others });
    });
    const spec = declareBacklog(200);
    await bring(local, spec, { hosts: () => host });
    await watch.stop();
    const report = await traffic.stop();
    expect([...watch.together]).toEqual([]);
    expect(atStops.map((stop) => stop.node).sort()).toEqual(local.nodes.map((node) => node.name).sort());
    for (const { primary, others } of atStops) {
      expect(primary).toBe(false);
      for (const lag of others) expect(lag).toBeLessThan(NEAR_BYTES);
    }
    expectNothingLost(report, 1000);
  });

  it("field 3: after CLUSTER FAILOVER the old primary is not stopped before every node has seen the roles change", async () => {
    await start();
    const slow = nodeOf(local, "s2-m1");
    const { pid } = await local.host.inspect(slow);
    if (pid === undefined) throw new Error("no pid");
    let resumedAt = Number.POSITIVE_INFINITY;
    const views: { at: number; seen: (string | undefined)[]; heir: string }[] = [];
    const host = lookingBeforeStops(local.host, async (name) => {
      if (name !== "s0-m0") return;
      const at = performance.now();
      const heir = (await told(local, nodeOf(local, "s0-m1"))).myself.id;
      const old = (await told(local, nodeOf(local, "s0-m0"))).myself.id;
      const seen = await Promise.all(
        local.nodes.map(async (node) => {
          const { myself, peers } = await told(local, node);
          return [myself, ...peers].find((line) => line.id === old)?.primaryId;
        }),
      );
      views.push({ at, seen, heir });
    });
    // A node that does not listen while the roles change: it is told last.
    const progress = (event: Progress) => {
      const { kind } = event;
      if (kind !== "step" || event.state !== "started" || event.step.kind !== "failover") return;
      if (event.step.primary !== "s0-m0") return;
      process.kill(pid, "SIGSTOP");
      setTimeout(() => {
        resumedAt = performance.now();
        process.kill(pid, "SIGCONT");
      }, 2500);
    };
    await bring(local, declareBacklog(200), { hosts: () => host, progress });
    expect(views).toHaveLength(1);
    for (const { at, seen, heir } of views) {
      expect(at).toBeGreaterThan(resumedAt);
      expect(seen).toEqual(local.nodes.map(() => heir));
    }
  });
});

describe("passwords", () => {
  for (const line of ["5.0", "7.0"] as const)
    it(`field 15: a password change of Redis ${line} is no outage, and the next failover works with the new one`, async () => {
      local = await startLocalNodes({ line, shards: 3, replicas: 1, start: false });
      await apply(specOf(local), { hosts: () => local.host });
      const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
      const changed = "a-newer-password";
      for (const node of local.nodes) {
        const conf = local.redisConfOf(node.name);
        local.setRedisConf(node.name, conf.replaceAll(local.password, changed));
      }
      const spec = specOf(local, { password: changed, previousPasswords: [local.password] });
      const outcome = await apply(spec, { hosts: () => local.host });
      await sleep(500);
      const report = await traffic.stop();
      expect(outcome.steps.some((step) => step.kind === "rotatePassword")).toBe(true);
      expectNothingLost(report);
      expect(report.surfaced).toEqual({});
      // Links that begin anew after this show the new password, in both directions.
      local = { ...local, password: changed };
      for (const node of local.nodes) await local.host.prepare(node);
      const clients = await Traffic.start({ nodes: local.nodes, password: changed });
      await local.host.stop(nodeOf(local, "s1-m0"), { kill: true });
      const { status } = await bring(local, specOf(local, { password: changed }));
      expect([roleOf(status, "s1-m1"), roleOf(status, "s1-m0")]).toEqual(["primary", "replica"]);
      expect((await clients.stop()).failed).toEqual([]);
    });

  it("field 20: after failovers a client from another address is served as before: auth and bind are the same everywhere", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 1, start: false });
    const directives = useKitConf(local);
    const nodes = local.nodes.map((node) => ({ ...node, directives }));
    const spec = specOf(local, { nodes });
    await apply(spec, { hosts: () => local.host });
    const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
    const [primary, replica] = [nodeOf(local, "s0-m0"), nodeOf(local, "s0-m1")];
    await expectSameAccess();
    await local.cli(replica, "cluster", "failover");
    await expect.poll(() => isPrimary(local, replica), { timeout: 10_000 }).toBe(true);
    await expectSameAccess();
    await expect.poll(() => lagOf(local, replica, primary), { timeout: 20_000 }).toBeLessThan(NEAR_BYTES);
    expectNothingLost(await traffic.stop());
    await local.host.stop(nodeOf(local, "s1-m0"), { kill: true });
    await apply(spec, { hosts: () => local.host });
    await expectSameAccess();
    await expectWhole(local, spec);
  });
});

/** What 127.0.0.9 is told: Redis takes only 127.0.0.1 for its own machine, so this client counts as a stranger's. */
function askFromElsewhere(node: NodeSpec, commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: node.host, port: node.port, localAddress: "127.0.0.9" });
    let text = "";
    socket.setTimeout(5000, () => socket.destroy(new Error(`${node.name} does not answer: ${text}`)));
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.end([...commands, "QUIT", ""].join("\r\n"));
  });
}

async function expectSameAccess(): Promise<void> {
  const answers = await Promise.all(
    local.nodes.map(async (node) => {
      const open = await askFromElsewhere(node, ["PING"]);
      const served = await askFromElsewhere(node, [`AUTH ${local.password}`, "PING"]);
      const conf = await info(local, node);
      const names = ["bind", "protected-mode", "requirepass", "masterauth"];
      const settings = await Promise.all(names.map((name) => local.cli(node, "config", "get", name)));
      return { open, served, mode: conf.get("redis_mode"), settings };
    }),
  );
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(answers[0]?.open).toMatch(/^-NOAUTH/);
  expect(answers[0]?.served).toBe("+OK\r\n+PONG\r\n+OK\r\n");
  expect(answers[0]?.settings.join("\n")).toContain(`requirepass\n${local.password}`);
}
