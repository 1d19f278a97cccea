/** `restore:` in a stack, on the real Pulumi engine: a new cluster that begins with a backup, once. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { PASSWORD, Stack } from "../program/support/stack";
import { startDeclaredCluster } from "../support/declared-cluster";
import { kit } from "./support/command";
import { differences, digestAll, writeDataset } from "./support/dataset";

const KEYS = 1_200;

async function takeOne(folder: string, place: string) {
  const source = await startDeclaredCluster({ redis: { maxmemory: "512mb" } });
  try {
    const target = { nodes: source.target.spec.nodes, password: source.target.spec.password };
    await writeDataset(target, 0, KEYS);
    const taken = await kit(folder, "backup", "--to", place, "--declaration", source.file);
    expect(taken.exitCode, taken.err).toBe(0);
    return { id: (await openFolder(place).ids()).at(-1) ?? "", digests: await digestAll(target) };
  } finally {
    await source.end();
  }
}

test("a stack that names a backup comes up with its keys, and leaves them alone afterwards", async () => {
  const folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  const place = join(folder, "place");
  try {
    const { id, digests } = await takeOne(folder, place);
    const config = {
      restore: join(place, id),
      redis: JSON.stringify({ maxmemory: "512mb" }),
      backup: JSON.stringify({ to: place }),
    };
    await Stack.with({ config }, async (stack) => {
      const preview = await stack.pulumi(["preview"]);
      expect(preview.output).toContain(`Then ${join(place, id)} is restored into it.`);
      const up = await stack.up();
      expect(up.output).toContain(
        `restored ${id}: ${digests.size} of ${digests.size} keys, every slot counted`,
      );
      expect(up.code).toBe(0);

      const nodes = stack.ports.map((port) => ({ name: String(port), host: "127.0.0.1", port }));
      expect(differences(digests, await digestAll({ nodes, password: PASSWORD }))).toEqual([]);
      const again = await stack.up();
      expect(again.output).toMatch(/Resources:\s+\d unchanged/);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
