/** `restore:` in a stack, on the real Pulumi engine: a new cluster that begins with a backup, once, whatever kills it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { processesOf } from "../program/support/secrets";
import { PASSWORD, Stack } from "../program/support/stack";
import { startDeclaredCluster } from "../support/declared-cluster";
import { kit } from "./support/command";
import { type Digests, differences, digestAll, writeDataset } from "./support/dataset";

const KEYS = 6_000;

let folder: string;
let place: string;
let id: string;
let digests: Digests;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  const source = await startDeclaredCluster({ redis: { maxmemory: "512mb" } });
  try {
    const target = { nodes: source.target.spec.nodes, password: source.target.spec.password };
    await writeDataset(target, 0, KEYS);
    digests = await digestAll(target);
    const taken = await kit(folder, "backup", "--to", place, "--declaration", source.file);
    expect(taken.exitCode, taken.err).toBe(0);
    id = (await openFolder(place).ids()).at(-1) ?? "";
  } finally {
    await source.end();
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const configOf = () => ({
  restore: join(place, id),
  redis: JSON.stringify({ maxmemory: "512mb" }),
  backup: JSON.stringify({ to: place }),
});

async function expectRestored(stack: Stack): Promise<void> {
  const nodes = stack.ports.map((port) => ({ name: String(port), host: "127.0.0.1", port }));
  expect(differences(digests, await digestAll({ nodes, password: PASSWORD }))).toEqual([]);
  const again = await stack.up();
  expect(again.output).toMatch(/Resources:\s+\d unchanged/);
}

test("a stack that names a backup comes up with its keys, and leaves them alone afterwards", async () => {
  await Stack.with({ config: configOf() }, async (stack) => {
    const preview = await stack.pulumi(["preview"]);
    expect(preview.output).toContain(`Then ${join(place, id)} is restored into it.`);
    const up = await stack.up();
    expect(up.output).toContain(
      `restored ${id}: ${digests.size} of ${digests.size} keys, every slot counted`,
    );
    expect(up.code).toBe(0);
    await expectRestored(stack);
  });
});

test("SIGKILL of the provider while it restores: the up fails, the next one continues and finishes", async () => {
  await Stack.with({ config: configOf() }, async (stack) => {
    let killedAt = 0;
    let isOver = false;
    const up = stack.up().finally(() => {
      isOver = true;
    });
    while (!isOver && killedAt === 0) {
      await sleep(10);
      const [size = ""] = await stack.cli(stack.ports[0] ?? 0, ["dbsize"]);
      const keys = Number(/\d+$/.exec(size)?.[0] ?? 0);
      if (keys < 50) continue;
      for (const { pid, command } of processesOf(stack.folder))
        if (command.includes("pulumi-resource-redis-cluster-kit")) process.kill(pid, "SIGKILL");
      killedAt = keys;
    }
    const killed = await up;
    expect(killedAt).toBeGreaterThan(0);
    expect(killed.code, killed.output).not.toBe(0);
    console.log(`killed when the first shard had ${killedAt} keys`);

    const next = await stack.up();
    expect(next.code, next.output).toBe(0);
    expect(next.output).toContain(`restored ${id}: ${digests.size} of ${digests.size} keys`);
    await expectRestored(stack);
  });
});
