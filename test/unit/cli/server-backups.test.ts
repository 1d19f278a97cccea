/** Backups that servers take into a folder of their own, asked for and looked at from here. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { writeManifest } from "../../../backup/manifest";
import { lastBackup } from "../../../cli/backups";
import { backupCommand } from "../../../cli/commands/backup";
import { lastOnServers } from "../../../cli/server-backups";
import type { NodeSpec } from "../../../cluster/spec";
import type { Host } from "../../../hosts/host";
import { ofNodes } from "../backup/support";

const NOW = new Date("2026-11-22T12:00:00.000Z");
const NODES = ["h1", "h2", "h3"].map((name, index) => ({
  name,
  host: `10.0.0.${index + 1}`,
  port: 6379,
  busPort: 16379,
  shard: index + 1,
  member: 0,
  zone: "a",
}));

const last = (node: string, hour: string) =>
  JSON.stringify({
    id: `c-20261122T${hour}0000Z`,
    place: "/srv/backups",
    node,
    startedAt: `2026-11-22T${hour}:00:00.000Z`,
    keys: 7,
    bytes: 2048,
  });

interface Server {
  /** Its last.json; an error where it cannot be asked. */
  readonly file?: string | Error;
  /** What its service says. */
  readonly says?: string | Error;
}

function target(servers: Readonly<Record<string, Server>>, kind: "ssh" | "local" = "ssh") {
  const asked: string[] = [];
  const give = async (answer: string | Error | undefined) => {
    if (typeof answer === "string") return answer;
    throw answer ?? Object.assign(new Error("no such file"), { code: "ENOENT" });
  };
  const hosts = ({ name }: Pick<NodeSpec, "name">) =>
    ({
      readFile: async () => {
        const text = await give(servers[name]?.file);
        return { size: text.length, stream: Readable.from([Buffer.from(text)]) };
      },
      backUp: (node: Pick<NodeSpec, "name">) => {
        asked.push(node.name);
        return give(servers[node.name]?.says);
      },
    }) as unknown as Host;
  const backup = {
    to: "/srv/backups",
    schedule: "daily",
    retention: { daily: 7, weekly: 4, monthly: 12 },
  };
  const value = { kind, backup, hosts, spec: { name: "c", nodes: NODES } };
  return { asked, value: value as unknown as Parameters<typeof backupCommand>[0] };
}

const WORLD = {
  say: () => undefined,
  directory: "/",
  now: () => NOW,
  version: "0",
  isLive: false,
  interruption: () => new AbortController().signal,
};
const gone = () => Object.assign(new Error("h1 cannot be reached"), { name: "UnreachableServerError" });

describe("status", () => {
  it("tells of the newest that any server has, whoever does not answer", async () => {
    const { value } = target({
      h1: { file: gone() },
      h2: { file: last("h2", "09") },
      h3: { file: last("h3", "10") },
    });
    expect(await lastBackup(value, WORLD, new Set())).toMatchObject({
      id: "c-20261122T100000Z",
      ageSeconds: 7200,
      text: "last backup: 2 h ago, 7 keys, 2 KiB (h3:/srv/backups/c-20261122T100000Z)",
    });
  });

  it("says how to take the first one, and takes a broken note for none", async () => {
    const { value } = target({ h1: { file: "{" } });
    expect(await lastOnServers(value)).toBeUndefined();
    expect(await lastBackup(value, WORLD, new Set())).toEqual({
      problem: "no backup yet in /srv/backups of the servers: redis-cluster-kit backup",
    });
  });
});

describe("status, where two clusters of one name write to one place", () => {
  const place = (clusters: readonly (readonly [string, string])[]) => {
    const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-namesakes-"));
    for (const [day, nodes] of clusters) {
      const manifest = ofNodes(day, nodes);
      mkdirSync(join(folder, manifest.id));
      writeFileSync(join(folder, manifest.id, "manifest.json"), writeManifest(manifest));
    }
    return folder;
  };
  const told = (clusters: readonly (readonly [string, string])[], node: string) => {
    const { value } = target({}, "local");
    const spec = { ...value.spec, name: "cache" };
    const backup = { ...value.backup, to: place(clusters) } as typeof value.backup;
    return lastBackup({ ...value, spec, backup }, WORLD, new Set(node === "" ? [] : [node.repeat(40)]));
  };

  it("tells of its own newest, and that a newer one is another's", async () => {
    const last = await told(
      [
        ["20", "a"],
        ["21", "b"],
      ],
      "a",
    );
    expect(last).toMatchObject({ id: "cache-20261120T031500Z" });
    expect(JSON.stringify(last)).toMatch(
      /newer there: of another cluster of this name, cache-20261121T031500Z/,
    );
  });

  it("has none where all are another's", async () => {
    expect(await told([["21", "b"]], "a")).toEqual({
      problem: expect.stringMatching(
        /no backup yet in .*, only one of another cluster of this name, cache-20261121/,
      ),
    });
  });

  it("goes by the name where no node answers", async () => {
    expect(await told([["21", "b"]], "")).toMatchObject({ id: "cache-20261121T031500Z" });
  });
});

describe("backup without --to", () => {
  const idle = "no backup from here: h2 takes it as long as its Redis serves";

  it("asks server after server until one has taken it", async () => {
    const { value, asked } = target({
      h1: { says: gone() },
      h2: { says: "c-20261122T120000Z: 7 keys", file: last("h2", "12") },
    });
    const answer = await backupCommand(value, {}, WORLD);
    expect(asked).toEqual(["h1", "h2"]);
    expect(answer).toMatchObject({ exitCode: 0, json: { id: "c-20261122T120000Z", node: "h2" } });
  });

  it("fails as the server's fails, and where none took one", async () => {
    const failing = target({ h1: { says: new Error("problem: h1: no space") } });
    await expect(backupCommand(failing.value, {}, WORLD)).rejects.toThrow("problem: h1: no space");
    const none = target({ h1: { says: idle }, h2: { says: idle }, h3: { says: idle } });
    await expect(backupCommand(none.value, {}, WORLD)).rejects.toThrow(
      /no server took a backup\.\nh1: h2 takes it/,
    );
    await expect(backupCommand(none.value, { prune: true }, WORLD)).rejects.toThrow(
      "backup.retention says what stays",
    );
  });
});
