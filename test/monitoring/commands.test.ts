/** `watch` and `monitoring files` on a live cluster, as people call them. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { utils } from "ssh2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { run } from "../../cli/main";
import { ioredisConnector } from "../../cluster/connection";
import { CLUSTER_TAG, NODE_TAG, ROLE_TAG } from "../../components/aws/tags";
import { declare } from "../../components/declaration";
import { parseConfig } from "../../config";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { recordedIo } from "../unit/cli/support";
import { promtool } from "./support/programs";

const exec = promisify(execFile);
let cluster: DeclaredCluster;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-files-"));
  cluster = await startDeclaredCluster({ monitoring: { enabled: true } });
}, 120_000);
afterAll(async () => {
  await cluster?.end();
  await rm(folder, { recursive: true, force: true });
});

/** Exit code and texts of one command line. */
async function call(
  argv: readonly string[],
  terminal: { isTTY?: boolean; columns: number } = { columns: 80 },
  file = cluster.file,
) {
  const { io, out, err } = recordedIo({ terminal });
  const code = await run([...argv, "--declaration", file], io);
  return { code, out: out(), err: err() };
}

describe("watch", () => {
  test("without a terminal tells a line a look, and the whole at the end, within 80 columns", async () => {
    const { code, out, err } = await call(["watch", "--count", "3", "--interval", "0.3"]);
    expect(code, err).toBe(0);
    const lines = err.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines)
      expect(line).toMatch(
        /^\d\d:\d\d:\d\d healthy, 6 of 6 nodes up, all slots, [\d,]+ requests\/s, 0 keys, [\d.]+ MiB, lag \d+\sB$/,
      );
    expect(out).toMatch(/^NODE +ZONE +ROLE +SLOTS +REQ\/S +CPU +MEM +CLIENTS +LAG +STATE$/m);
    expect(out).toMatch(/^shard-1-a +a +primary +5,461 +\d+ +\d+% +\d+% +\d+ +- +up$/m);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("on a terminal draws over what it drew before", async () => {
    const { code, out, err } = await call(["watch", "--count", "3", "--interval", "0.3"], {
      isTTY: true,
      columns: 80,
    });
    expect(code).toBe(0);
    const drawings = err.split("\u001b[0J");
    expect(drawings).toHaveLength(3);
    const height = drawings[1]?.split("\n").length ?? 0;
    // Up by as many lines as the drawing before had.
    expect(drawings[1]).toContain(`\u001b[${height - 1}A`);
    for (const line of stripVTControlCharacters(err).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(out.trim()).toBe("");
  });

  test("sees a run that changes the cluster, and who it is", async () => {
    const [node] = cluster.target.spec.nodes;
    if (!node) throw new Error("no node");
    const clientName = "redis-cluster-kit:apply:pid-1@elsewhere:1";
    const holder = await ioredisConnector().connect(node, [cluster.declaration.password], { clientName });
    try {
      const { err } = await call(["watch", "--count", "1"]);
      expect(err).toContain("run of pid-1@elsewhere:1: it is verifying");
    } finally {
      holder.close();
    }
  });

  test("tells what is wrong, and ends with 1", async () => {
    const { spec, hosts } = cluster.target;
    const node = spec.nodes.find(({ name }) => name === "shard-2-b");
    if (!node) throw new Error("no node");
    await hosts(node).stop(node);
    const { code, out, err } = await call(["watch", "--count", "1"]);
    await hosts(node).start(node);
    expect(code).toBe(1);
    expect(err).toContain("not healthy, 5 of 6 nodes up");
    expect(err).toContain("shard-2-b");
    expect(out).toMatch(/^shard-2-b +c +- .*not running$/m);
  });
});

describe("monitoring files", () => {
  test("are what Prometheus takes, with a target a node and no secret", async () => {
    const { code, out, err } = await call(["monitoring", "files", "--to", folder]);
    expect(code, err).toBe(0);
    const names = (await readdir(folder)).sort();
    expect(names).toEqual([
      "alerts.yml",
      "dashboard.json",
      "prometheus-static.yml",
      "prometheus.yml",
      "runbook.md",
      "targets.json",
    ]);
    for (const name of names) expect(out).toContain(name);
    for (const config of ["prometheus.yml", "prometheus-static.yml"]) {
      const { stdout } = await exec(promtool(), ["check", "config", config], { cwd: folder });
      expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
    }
    for (const name of names)
      expect(await readFile(join(folder, name), "utf8")).not.toContain(cluster.declaration.password);
    const targets = JSON.parse(await readFile(join(folder, "targets.json"), "utf8"));
    expect(targets).toHaveLength(6);
    expect(targets[5]).toEqual({
      targets: ["127.0.0.1:9126"],
      labels: { cluster: "drilled", shard: "3", node: "shard-3-b", zone: "a" },
    });
  });

  test("ask node_exporter of the servers as well where it tells of backups, in files and by AWS's tags", async () => {
    const monitoring = { nodeExporterPort: 9100, region: "eu-central-1", backupMaxAgeHours: 170 };
    const { json, place } = await filesFor("backups", monitoring);
    expect(json.files).toEqual(expect.arrayContaining(["backup-targets.json", "prometheus-ec2.yml"]));
    for (const config of ["prometheus.yml", "prometheus-static.yml", "prometheus-ec2.yml"]) {
      await exec(promtool(), ["check", "config", config], { cwd: place });
      expect((await readFile(join(place, config), "utf8")).match(/"collect\[\]":/g)).toHaveLength(1);
    }
    const [server] = JSON.parse(await readFile(join(place, "backup-targets.json"), "utf8"));
    // Without a shard: its silence is none of RedisExporterDown's.
    expect(server).toEqual({
      targets: ["127.0.0.1:9100"],
      labels: { cluster: "drilled", node: "shard-1-a", zone: "a" },
    });
    const rules = await readFile(join(place, "alerts.yml"), "utf8");
    expect(rules).toContain("vector(612000)");
    expect(rules).toMatch(/record: "redis_kit:backup_max_age_seconds"[^-]*expected: "yes"/);
  });

  test("have no targets where exporters answer their own server alone, and say so", async () => {
    const { out, place } = await filesFor("loopback", { exporters: {} });
    expect(out).toContain("No targets: the exporters listen on loopback (ssh.exporterListen).");
    expect(JSON.parse(await readFile(join(place, "targets.json"), "utf8"))).toEqual([]);
    await exec(promtool(), ["check", "config", "prometheus-static.yml"], { cwd: place });
    const rules = await readFile(join(place, "alerts.yml"), "utf8");
    expect(rules.match(/record: "redis_kit:node_declared"/g)).toHaveLength(6);
  });

  test("of a cluster in AWS find its servers by the tags that it gives them", async () => {
    const to = join(folder, "aws");
    const { code, out, err } = await call(["monitoring", "files", "--to", to], undefined, await awsFile());
    expect(code, err).toBe(0);
    expect(out).toMatch(/prometheus-ec2\.yml +finds the servers in AWS by their tags/);
    const { stdout } = await exec(promtool(), ["check", "config", "prometheus-ec2.yml"], { cwd: to });
    expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
    const text = await readFile(join(to, "prometheus-ec2.yml"), "utf8");
    expect(text).not.toContain(cluster.declaration.password);
    const { scrape_configs: scrapes } = parse(text) as { scrape_configs: { ec2_sd_configs: unknown[] }[] };
    expect(scrapes.map((each) => each.ec2_sd_configs)).toEqual([
      [
        {
          region: "eu-central-1",
          port: 9121,
          filters: [
            { name: `tag:${CLUSTER_TAG}`, values: ["shop"] },
            { name: `tag:${ROLE_TAG}`, values: ["node"] },
            { name: "instance-state-name", values: ["running"] },
          ],
        },
      ],
    ]);
    expect(text).toContain(`__meta_ec2_tag_${NODE_TAG.replace(/\W/g, "_")}`);
  });

  test("cannot be where monitoring is off, and say how to turn it on", async () => {
    const off = await startFile();
    const { io, err } = recordedIo();
    expect(await run(["monitoring", "files", "--to", folder, "--declaration", off], io)).toBe(2);
    expect(err()).toContain("monitoring.enabled true");
  });
});

/** The files of the same cluster with another declaration of its monitoring. */
async function filesFor(name: string, monitoring: object) {
  const place = join(folder, name);
  const file = join(folder, `${name}.json`);
  const declaration = {
    ...cluster.declaration,
    monitoring: { ...cluster.declaration.monitoring, ...monitoring },
  };
  await writeFile(file, JSON.stringify(declaration), { mode: 0o600 });
  const words = ["monitoring", "files", "--to", place, "--declaration", file];
  const [told, read] = [recordedIo(), recordedIo()];
  expect(await run(words, told.io), told.err()).toBe(0);
  expect(await run([...words, "--json"], read.io), read.err()).toBe(0);
  return { place, out: told.out(), json: JSON.parse(read.out()) as { files: string[] } };
}

/** The same declaration without monitoring. */
async function startFile(): Promise<string> {
  const { monitoring: _off, ...rest } = cluster.declaration;
  const file = join(folder, "off.json");
  await writeFile(file, JSON.stringify(rest), { mode: 0o600 });
  return file;
}

/** As the component gives it out for servers in AWS; nobody is asked there. */
async function awsFile(): Promise<string> {
  const aws = { region: "eu-central-1", sshPublicKey: "ssh-ed25519 AAAA", sshCidrs: ["203.0.113.7/32"] };
  const context = { project: "test", stack: "test", dataRoot: folder };
  const declaration = declare(
    parseConfig({ name: "shop", target: "aws", aws }, context),
    cluster.declaration.password,
  );
  const way = ({ host }: { host: string }) => ({ host, port: 22, user: "admin", address: host });
  const servers = Object.fromEntries(declaration.nodes.map((node) => [node.name, way(node)]));
  const privateKey = utils.generateKeyPairSync("ed25519").private;
  const file = join(folder, "aws.json");
  await writeFile(file, JSON.stringify({ ...declaration, ssh: { servers, privateKey } }), { mode: 0o600 });
  return file;
}
