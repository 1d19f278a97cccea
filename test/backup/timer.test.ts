/** What a server's timer runs: the same backups as the command line's, by sh and redis-cli alone. */
import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { readManifest } from "../../backup/manifest";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { kit } from "./support/command";
import { differences, digestAll, writeDataset } from "./support/dataset";
import { runTimer, stateOf } from "./support/timer";

const KEYS = 3_000;
const ROOM = { maxmemory: "512mb" };

const targetOf = ({ target }: DeclaredCluster) => ({
  nodes: target.spec.nodes,
  password: target.spec.password,
});

let folder: string;
let place: string;
let source: DeclaredCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  await mkdir(place);
  source = await startDeclaredCluster({ redis: ROOM });
  await writeDataset(targetOf(source), 0, KEYS);
});

afterAll(async () => {
  await source?.end();
  await rm(folder, { recursive: true, force: true });
});

describe("the timer of a server", () => {
  it("takes a backup that verify accepts and that restores to the last key", async () => {
    const before = await digestAll(targetOf(source));
    const ended = await runTimer({ cluster: source, place, folder });
    expect(ended.err).toBe("");
    expect(ended.exitCode, ended.out).toBe(0);
    console.log(ended.out);
    const [id = ""] = await openFolder(place).ids();
    const manifest = readManifest(await openFolder(place).manifest(id), place);
    expect(manifest.keys).toBe(before.size);
    expect(manifest.shards.map(({ role }) => role)).toEqual(["replica", "replica", "replica"]);
    expect(manifest.warnings).toEqual([]);
    expect(manifest.nodes[0]?.redisConf).toContain("# requirepass: not kept in backups");
    expect(JSON.stringify(manifest)).not.toContain(source.target.spec.password);
    expect((await stat(join(place, id))).mode & 0o777).toBe(0o700);
    expect((await stat(join(place, id, "shard-1.rdb"))).mode & 0o777).toBe(0o600);

    const verified = await kit(folder, "backup", "verify", "--in", place);
    expect(verified.exitCode, verified.err).toBe(0);
    const metrics = await readFile(join(stateOf(folder), "redis-cluster-kit-backup-drilled.prom"), "utf8");
    expect(metrics).toContain(`redis_cluster_kit_backup_last_success_keys{cluster="drilled"} ${before.size}`);

    const into = await startDeclaredCluster({ redis: ROOM, line: "7.0", shards: 4 });
    try {
      const restored = await kit(folder, "restore", "--from", join(place, id), "--declaration", into.file);
      expect(restored.exitCode, restored.err).toBe(0);
      expect(differences(before, await digestAll(targetOf(into)))).toEqual([]);
      const newer = await runTimer({ cluster: into, place: join(folder, "place"), folder, line: "7.0" });
      expect(newer.exitCode, newer.err).toBe(0);
      const again = await kit(folder, "backup", "verify", "--in", place);
      expect(again.exitCode, again.err).toBe(0);
    } finally {
      await into.end();
    }
  });
});
