import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Io, run } from "../../cli/main";
import type { NodeStatus } from "../../cluster/status";
import { declare } from "../../components/declaration";
import { parseConfig } from "../../config";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";

const LAUNCHER = resolve(__dirname, "..", "..", "bin", "redis-cluster-kit");

/** Everything that any command printed: the password must not be in it. */
const printed: string[] = [];
let kit: DeclaredCluster;
let folder: string;

beforeAll(async () => {
  // Long: no election of Redis's own may come in between.
  kit = await startDeclaredCluster({ redis: { "cluster-node-timeout": "30000" } });
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-cli-"));
});
afterAll(async () => {
  await kit.end();
  await rm(folder, { recursive: true });
});

interface Said {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

async function cli(argv: readonly string[], confirm?: Io["confirm"]): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await run(argv, {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    terminal: { columns: 100 },
    env: {},
    directory: folder,
    version: "0",
    now: () => new Date(),
    interruption: () => new AbortController().signal,
    confirm,
  });
  printed.push(...out, ...err);
  return { exitCode, out: out.join(""), err: err.join("") };
}

/** The launcher as its own process, as people start it. */
function launched(argv: readonly string[], whileRunning?: (pid: number) => Promise<void>): Promise<Said> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [LAUNCHER, ...argv], { cwd: folder }, (error, out, err) => {
      printed.push(out, err);
      done({ exitCode: typeof error?.code === "number" ? error.code : 0, out, err });
    });
    if (child.pid !== undefined) void whileRunning?.(child.pid);
  });
}

function nodeNamed(name: string) {
  const node = kit.target.spec.nodes.find((candidate) => candidate.name === name);
  if (!node) throw new Error(`no node ${name}`);
  return node;
}

async function kill(name: string): Promise<void> {
  const node = nodeNamed(name);
  await kit.target.hosts(node).stop(node, { kill: true });
}

const here = () => ["--declaration", kit.file];

describe("a healthy cluster", () => {
  it("status --json has what others build on", async () => {
    const { exitCode, out } = await cli(["status", "--json", ...here()]);
    expect(exitCode).toBe(0);
    const status = JSON.parse(out) as {
      healthy: boolean;
      name: string;
      nodes: NodeStatus[];
      findings: unknown[];
    };
    expect(status).toMatchObject({ healthy: true, name: "drilled", findings: [] });
    expect(status.nodes).toHaveLength(6);
    const [first] = status.nodes;
    expect(first).toMatchObject({
      name: "shard-1-a",
      host: "127.0.0.1",
      port: nodeNamed("shard-1-a").port,
      role: "primary",
      shard: 1,
      zone: "a",
      slots: [{ start: 0, end: 5460 }],
      keys: 0,
      state: "up",
    });
    expect(first?.id).toMatch(/^[0-9a-f]{40}$/);
  });

  it("the launcher says the same, from the declaration and from the files of the nodes", async () => {
    for (const source of [here(), ["--data", kit.declaration.dataDirectory]]) {
      const { exitCode, out, err } = await launched(["status", ...source]);
      expect(err).toBe("");
      expect(exitCode).toBe(0);
      expect(out).toContain("drilled is healthy\n3 shards, 6 nodes, all slots covered");
    }
  });

  it("plan, apply and heal have nothing to do", async () => {
    const plan = await cli(["plan", ...here()]);
    expect(plan).toMatchObject({ exitCode: 0, out: "nothing to do: the cluster is as declared\n" });
    const json = await cli(["plan", "--json", ...here()]);
    expect(JSON.parse(json.out)).toMatchObject({ kind: "plan", steps: [], destructive: false });
    for (const command of ["apply", "heal"]) {
      expect(await cli([command, ...here()])).toMatchObject({
        exitCode: 0,
        out: "nothing to do: the cluster is as declared\n",
      });
    }
  });

  it("doctor finds nothing wrong and knows the age of this Redis", async () => {
    const { exitCode, out } = await cli(["doctor", ...here()]);
    expect(exitCode).toBe(0);
    expect(out).toContain("Nothing is wrong.");
    expect(out).toContain("end of life");
  });

  it("heal refuses a declaration with more nodes, and none is started", async () => {
    const { declaration } = kit;
    const raw = {
      name: declaration.name,
      shards: 4,
      basePort: declaration.nodes[0]?.port,
      dataDirectory: declaration.dataDirectory,
      redisVersion: declaration.redisVersion,
      redisSource: declaration.redisSource,
    };
    const config = parseConfig(raw, { project: "test", stack: "test", dataRoot: folder });
    const grown = join(folder, "grown.json");
    await writeFile(grown, JSON.stringify(declare(config, declaration.password)), { mode: 0o600 });
    const { exitCode, err } = await cli(["heal", "--declaration", grown, "--yes"]);
    expect(exitCode).toBe(2);
    expect(err).toContain("Declared, and no members yet: shard-4-a, shard-4-b.");
    expect((await readdir(declaration.dataDirectory)).sort()).not.toContain("shard-4-a");
  });

  it("a new password that the nodes do not have yet: they are reached with the old one, and it is told", async () => {
    const file = join(folder, "rotated.json");
    await writeFile(file, JSON.stringify({ ...kit.declaration, password: "the-next-password" }));
    const status = await cli(["status", "--declaration", file]);
    expect(status.exitCode).toBe(1);
    expect(status.out).toContain("shard-1-a still has an old password");
    const plan = await cli(["plan", "--declaration", file]);
    expect(plan.exitCode).toBe(1);
    expect(plan.out).toMatch(/password/);
    expect(status.out + plan.out).not.toContain("the-next-password");
  });
});

describe("a cluster with a killed primary", () => {
  beforeAll(() => kill("shard-1-a"));

  it("status says what is wrong and what `up` would do, and is a 1", async () => {
    const { exitCode, out } = await cli(["status", ...here()]);
    expect(exitCode).toBe(1);
    expect(out).toContain("drilled is not healthy: 2 critical problems");
    expect(out).toMatch(/shard-1-a .* not running/);
    expect(out).toContain("  1. forced failover: shard-1-b takes over from shard-1-a\n  2. start shard-1-a");
    const json = await cli(["status", "--json", ...here()]);
    expect(JSON.parse(json.out)).toMatchObject({ healthy: false, slotsCovered: 10_923 });
  });

  it("plan is a 1, gives reasons and says that it is destructive", async () => {
    const { exitCode, out } = await cli(["plan", ...here()]);
    expect(exitCode).toBe(1);
    expect(out).toContain("proven by its");
    expect(out).toContain("This plan is destructive");
    const json = await cli(["plan", "--json", ...here()]);
    expect(JSON.parse(json.out)).toMatchObject({ kind: "plan", destructive: true });
  });

  it("doctor explains, and shows the dead node's last words", async () => {
    const { exitCode, out } = await cli(["doctor", ...here()]);
    expect(exitCode).toBe(1);
    expect(out).toContain("Keys in these slots can be neither read nor written");
    expect(out).toContain("Last lines of shard-1-a:");
  });

  it("a drill is refused", async () => {
    const { exitCode, err } = await cli(["drill", ...here()]);
    expect(exitCode).toBe(1);
    expect(err).toContain("no drill on a cluster that is not as declared");
  });

  it("heal asks first: nobody there is a 2, no is a 1, and neither changes anything", async () => {
    const unasked = await cli(["heal", ...here()]);
    expect(unasked).toMatchObject({ exitCode: 2, out: "" });
    expect(unasked.err).toContain("--yes");
    const refused = await cli(["heal", ...here()], async () => false);
    expect(refused).toMatchObject({ exitCode: 1, out: "" });
    expect((await cli(["status", ...here()])).exitCode).toBe(1);
  });

  it("files alone are no reason to change a cluster", async () => {
    const { exitCode, err } = await cli(["apply", "--yes", "--data", kit.declaration.dataDirectory]);
    expect(exitCode).toBe(2);
    expect(err).toContain("not what is wanted now");
  });

  it("heal with a yes makes it healthy again", async () => {
    const asked: string[] = [];
    const { exitCode, out, err } = await cli(["heal", ...here()], async (question) => {
      asked.push(question);
      return true;
    });
    expect(asked).toHaveLength(1);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/steps done in .*; drilled is healthy/);
    expect(err).toMatch(/\[1\/2\] forced failover: shard-1-b takes over from shard-1-a \(\d+ ms\)/);
    expect((await cli(["status", ...here()])).exitCode).toBe(0);
  });
});

describe("the password", () => {
  it("is in no process's arguments or environment while a command runs", async () => {
    const seen: string[] = [];
    const { exitCode } = await launched(["status", ...here()], async (pid) => {
      for (let look = 0; look < 20; look++) {
        for (const file of ["cmdline", "environ"])
          seen.push(await readFile(`/proc/${pid}/${file}`, "latin1").catch(() => ""));
        for (const entry of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)))
          seen.push(await readFile(`/proc/${entry}/cmdline`, "latin1").catch(() => ""));
        await new Promise((done) => setTimeout(done, 50));
      }
    });
    expect(exitCode).toBe(0);
    expect(seen.join("\n")).toContain("redis-cluster-kit");
    expect(seen.join("\n")).not.toContain(kit.declaration.password);
  });

  it("is in nothing that any command printed", () => {
    expect(printed.join("").length).toBeGreaterThan(1000);
    expect(printed.join("")).not.toContain(kit.declaration.password);
  });
});

describe("a cluster of which nothing answers", () => {
  beforeAll(async () => {
    for (const { name } of kit.target.spec.nodes) await kill(name);
  });

  it("status and doctor are a 2, plan still knows what to do", async () => {
    const status = await cli(["status", ...here()]);
    expect(status.exitCode).toBe(2);
    expect(status.out).toContain("does not answer: no node can be reached");
    expect((await cli(["doctor", ...here()])).exitCode).toBe(2);
    expect(JSON.parse((await cli(["status", "--json", ...here()])).out)).toMatchObject({ healthy: false });
    const plan = await cli(["plan", ...here()]);
    expect(plan.exitCode).toBe(1);
    expect(plan.out).toContain("start 6 nodes");
  });

  it("apply brings all of it back", async () => {
    const { exitCode } = await cli(["apply", ...here()]);
    expect(exitCode).toBe(0);
    expect((await cli(["status", ...here()])).exitCode).toBe(0);
  });
});
