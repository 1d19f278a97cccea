/** What could be taken for something else: another cluster's backups under the same name, a snapshot of an older state. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { type Manifest, readManifest } from "../../backup/manifest";
import { takeBackup } from "../../backup/take";
import type { Connector } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { kit } from "./support/command";
import { targetOf, writeDataset } from "./support/dataset";

let folder: string;
let place: string;
let one: DeclaredCluster;
let other: DeclaredCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  one = await startDeclaredCluster({});
  other = await startDeclaredCluster({ replicasPerShard: 0 });
  for (const cluster of [one, other]) await writeDataset(targetOf(cluster), 1, 60);
});

afterAll(async () => {
  await one?.end();
  await other?.end();
  await rm(folder, { recursive: true, force: true });
});

async function taken(of: DeclaredCluster): Promise<Manifest> {
  // Names have whole seconds, and nothing but the lock of one cluster keeps two backups from the same.
  await sleep(1_000 - (Date.now() % 1_000));
  const ended = await kit(folder, "backup", "--to", place, "--declaration", of.file);
  expect(ended.exitCode, ended.err).toBe(0);
  const id = (await openFolder(place).ids()).at(-1) ?? "";
  const manifest = readManifest(await openFolder(place).manifest(id), place);
  for (const warning of manifest.warnings) expect(ended.out).toContain(`warning: ${warning}`);
  return manifest;
}

describe("two clusters of one name that write to one place", () => {
  it("are told apart: warned of, pruned one by one, and restored only by name", async () => {
    const first = await taken(one);
    expect(first.warnings).toEqual([]);
    const theirs = await taken(other);
    expect(theirs.warnings.join()).toContain(`of other nodes than this cluster's: ${first.id}`);
    const own = await taken(one);
    expect(own.warnings.join()).toContain(`of other nodes than this cluster's: ${theirs.id}`);
    expect((await taken(one)).warnings).toEqual([]);

    const listed = await kit(folder, "backup", "list", "--in", place);
    expect(listed.out.replace(/\s+/g, " ")).toContain("has backups of 2 clusters named drilled");
    const verified = await kit(folder, "backup", "verify", "--in", place);
    expect(verified.exitCode).toBe(0);
    expect(verified.err).toContain("warning: ");
    const refused = await kit(folder, "restore", "--from", place, "--declaration", other.file);
    expect(refused.exitCode).toBe(2);
    expect(refused.err).toContain(theirs.id);
    expect(refused.err).toContain("Which one is it? Give --from PLACE/NAME.");

    const pruned = await kit(folder, "backup", "prune", "--in", place, "--keep", "daily=1");
    expect(pruned.exitCode, pruned.err).toBe(0);
    const left = await openFolder(place).ids();
    expect(left).toHaveLength(2);
    expect(left).toContain(theirs.id);
  });
});

describe("a snapshot that is older than what its node had when it was chosen", () => {
  it("is no backup: a replica that lost its primary in between, and what it had", async () => {
    const { spec, hosts } = one.target;
    const own = join(folder, "older");
    const options = {
      hosts,
      place: openFolder(own),
      tools: await one.target.tools(),
      kitVersion: "0.0.0-test",
      now: () => new Date(),
      connector: aheadOfItsFiles,
    };
    await expect(takeBackup(spec, options)).rejects.toThrow(
      /shard-\d-b's snapshot is older than this backup: it ends at replication offset \d+, .* was at 9\d{11} when[\s\S]*in sync/,
    );
    expect(await openFolder(own).ids()).toEqual([]);
  });
});

/** Nodes that say of themselves more than they save, as one does that begins anew after it has been asked. */
const aheadOfItsFiles: Connector = {
  connect: async (...to) => {
    const client = await ioredisConnector().connect(...to);
    const ahead = (reply: unknown) =>
      typeof reply === "string" ? reply.replace(/(_repl_offset:)\d+/g, "$1999999999999") : reply;
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "call" && name !== "pipeline") return value.bind(target);
        return async (...args: unknown[]) => {
          const reply: unknown = await value.apply(target, args);
          return Array.isArray(reply) ? reply.map(ahead) : ahead(reply);
        };
      },
    });
  },
};
