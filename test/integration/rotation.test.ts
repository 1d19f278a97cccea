import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { ioredisConnector } from "../../cluster/connection";
import { apply, type EngineOptions, look, type Progress } from "../../cluster/engine";
import { PasswordRefusedError } from "../../cluster/errors";
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

async function start(line: RedisLine): Promise<EngineOptions> {
  local = await startLocalNodes({ line, shards: 3, replicas: 1, start: false });
  const options = { hosts: () => local.host };
  await apply(declare(OLD), options);
  return options;
}

async function linksMade(): Promise<string> {
  const texts = await Promise.all(
    local.nodes.map((node) => local.cli(node, "info", "stats").catch((error: unknown) => String(error))),
  );
  return texts
    .map((text) => /sync_full:\d+\s+sync_partial_ok:\d+/.exec(text)?.[0].replace(/\s+/, " "))
    .join(", ");
}

describe("password rotation on real servers", () => {
  for (const line of ["5.0", "7.0"] as const) {
    it(`changes the password of ${line} while clients work: no error, no link broken`, async () => {
      const options = await start(line);
      const traffic = await Traffic.start({ nodes: local.nodes, password: OLD });
      const links = await linksMade();
      const newConnections = new NewConnections();
      const spec = declare(NEW, { previousPasswords: [OLD] });
      const { events, progress } = recorder();
      const outcome = await apply(spec, { ...options, progress });
      await newConnections.stop();
      console.log(`${line}\n${events.join("\n")}`);
      expect(newConnections.lockedOut).toEqual([]);
      expect(await acceptance(NEW)).toEqual(local.nodes.map(() => true));
      expect(await acceptance(OLD)).toEqual(local.nodes.map(() => false));
      const report = await traffic.stop();
      console.log(JSON.stringify(report));
      expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [], surfaced: {} });
      expect(summarize(spec, outcome.view).healthy).toBe(true);
      expect((await look(spec, options)).decision).toMatchObject({ steps: [] });
      expect(links).not.toBe("");
    });
  }
});
