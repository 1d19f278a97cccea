/** Which backup `restore:` of a stack means. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MANIFEST_FILE, type Manifest, writeManifest } from "../../../backup/manifest";
import { declaredBackup } from "../../../provider/restore";
import { ofNodes } from "../backup/support";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-restore-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function keep(...manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    await mkdir(join(folder, manifest.id));
    await writeFile(join(folder, manifest.id, MANIFEST_FILE), writeManifest(manifest), { mode: 0o600 });
  }
}

const OLDER = "cache-20261120T031500Z";
const NEWER = "cache-20261122T031500Z";

it("is the newest of the cluster at a place", async () => {
  await keep(ofNodes("20", "a"), ofNodes("22", "a"));
  expect((await declaredBackup(folder, "cache")).id).toBe(NEWER);
});

it("is the one that is named", async () => {
  await keep(ofNodes("20", "a"), ofNodes("22", "a"));
  const { place, id } = await declaredBackup(join(folder, OLDER), "cache");
  expect(id).toBe(OLDER);
  expect(place.url).toBe(folder);
});

it("is not guessed where two clusters of that name left theirs, and is taken where one is named", async () => {
  await keep(ofNodes("20", "a"), ofNodes("22", "b"));
  const refused = await declaredBackup(folder, "cache").catch(String);
  expect(refused).toMatch(/^Error: restore: .* has backups of 2 clusters named cache, which share no node/);
  expect(refused).toContain(OLDER);
  expect(refused).toContain(NEWER);
  expect(refused).toContain(`Which one is it? \`pulumi config set restore ${folder}/NAME\`.`);
  expect((await declaredBackup(join(folder, OLDER), "cache")).id).toBe(OLDER);
});

it("is refused where there is none of this cluster", async () => {
  await keep(ofNodes("20", "a"));
  await expect(declaredBackup(folder, "shop")).rejects.toThrow(
    `${folder} is no backup, and has none of shop. \`redis-cluster-kit backup list --in ${folder}\` tells more.`,
  );
});
