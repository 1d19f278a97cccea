/** From bare servers to a verified cluster, and through its life, with the real engine. The steps build on each other. */
// provider/access.ts requires what only some targets need when it needs it; under vitest that wants the hook of the launcher.
import "../../scripts/ts.cjs";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { readManifest } from "../../backup/manifest";
import { kit } from "../backup/support/command";
import { type Digests, digestAll, targetOf, writeDataset } from "../backup/support/dataset";
import { keysOr, limitFor } from "../backup/support/size";
import { lost, whileWritten } from "../backup/support/writer";
import { watchCommandLines } from "../program/support/secrets";
import type { Stack } from "../program/support/stack";
import { startDeclaredCluster } from "../support/declared-cluster";
import { type Lab, type LabHost, startLab } from "./support/lab";
import {
  cli,
  declared,
  declareServers,
  declareVersion,
  endStack,
  expectHealthy,
  PASSWORD,
  serverStack,
  setSecret,
  throughBastion,
  UP_LIMIT_MS,
} from "./support/server-stack";
import { describeWithLab } from "./support/tier";

const KEYS = 500;
const BACKED_UP_KEYS = keysOr(3_000);
/** Of each node, once keys are to be backed up. */
const ROOM_MB = 80 + Math.ceil(BACKED_UP_KEYS / 1_000);
const SERVER_FOLDER = "/srv/backups";
const TIMER = "redis-cluster-kit-backup";
const TIMER_LEFT = `systemctl is-active ${TIMER}.timer || true; ls /etc/systemd/system | grep -c ${TIMER} || true`;
/** The last is systemd's copy in memory, for the exporter alone. */
const WITH_PASSWORD = [
  "/etc/redis/redis.conf",
  "/etc/redis-cluster-kit/exporter.password",
  "/run/credentials/redis-cluster-kit-exporter.service/password",
];
/** Ends the ssh sessions of the login user, as a lost connection does. */
const END_SESSIONS = "for p in $(pgrep -f '[s]shd: operator'); do kill $p || true; done";

vi.setConfig({ testTimeout: limitFor(BACKED_UP_KEYS, 300_000) });

describeWithLab("a cluster on servers of one's own", () => {
  let lab: Lab;
  let stack: Stack;
  let first: LabHost;

  beforeAll(async () => {
    lab = await startLab({ hosts: 8, bastion: true });
    const [host] = lab.hosts;
    if (host === undefined) throw new Error("the lab has no host");
    first = host;
    const ssh = throughBastion(lab);
    stack = await serverStack({ lab, hosts: lab.hosts.slice(0, 6), user: "operator", ssh });
  });
  afterAll(async () => {
    if (stack !== undefined) await endStack(stack);
    await lab?.stop();
  });

  const up = async () => {
    const result = await stack.up({ limitMs: UP_LIMIT_MS });
    expect(result.code, result.output).toBe(0);
    return result.output;
  };
  const declare = (count: number) => {
    const servers = lab.hosts.slice(0, count).map((host) => declared(lab, host, "operator"));
    return declareServers(stack, servers, { ...throughBastion(lab), dials: 9 });
  };
  const everywhere = (hosts: readonly LabHost[], script: string) =>
    Promise.all(hosts.map((host) => lab.sh(host, script)));
  /** Process ids of Redis: they change with every restart. */
  const processes = () => everywhere(lab.hosts.slice(0, 6), "systemctl show -P MainPID redis-cluster-kit");

  test("a preview of bare servers shows the plan and changes nothing", async () => {
    const preview = await stack.pulumi(["preview"], { limitMs: UP_LIMIT_MS });
    expect(preview.code, preview.output).toBe(0);
    expect(preview.output).toContain("start 6 nodes");
    expect(await lab.tryExec(first, ["ls", "/opt/redis-cluster-kit"])).toMatchObject({ code: 2 });
  });

  test("connections that break in the middle of an installation: told, and the next up goes on", async () => {
    // What a run that was killed leaves, and one that still holds the lock.
    await lab.sh(first, "mkdir -p /opt/redis-cluster-kit/.build-old /opt/redis-cluster-kit/redis-5.0.6");
    await lab.sh(first, "systemd-run -q --unit=holder flock /run/redis-cluster-kit.lock sleep 600");
    let isCut = false;
    const broken = await stack.up({
      limitMs: UP_LIMIT_MS,
      onOutput: (output) => {
        if (isCut || !/redis-h1-install creating/.test(output)) return;
        isCut = true;
        setTimeout(() => void lab.sh(first, END_SESSIONS), 1500);
      },
    });
    expect(isCut).toBe(true);
    expect(broken.code).not.toBe(0);
    expect(broken.output).toMatch(/redis-h1-install.*error/);
    expect(broken.output).not.toContain("step 1 of");
    await lab.sh(first, "systemctl stop holder");
  });

  test("from bare servers to a verified cluster, and no secret in any command line", async () => {
    const [password, sudo] = [watchCommandLines(PASSWORD), watchCommandLines(lab.sudoPassword)];
    const output = await up();
    expect([...password.stop(), ...sudo.stop()]).toEqual([]);
    expect(password.samples()).toBeGreaterThan(20);
    expect(output).toContain("6 nodes verified");
    await expectHealthy(stack, first);
    let owned = 0;
    for (const host of lab.hosts.slice(0, 6)) {
      const metrics = await lab.sh(host, `curl -s http://${host.address}:9121/metrics`);
      expect(metrics).toContain("\nredis_up 1\n");
      // Of the script that the exporter runs; what the rules read of slots, and no metric of its own runtime.
      for (const key of ["owned", "migrating", "importing"])
        expect(metrics).toMatch(new RegExp(`^redis_script_values\\{key="slots_${key}"\\} \\d+$`, "m"));
      expect(metrics).not.toMatch(/^go_/m);
      owned += Number(/^redis_script_values\{key="slots_owned"\} (\d+)$/m.exec(metrics)?.[1]);
    }
    expect(owned).toBe(16_384);
    const targets = JSON.parse(await stack.must("stack", "output", "scrapeTargets", "--json")) as unknown;
    expect(targets).toEqual(
      lab.hosts.slice(0, 6).map(({ name, address }, index) => ({
        targets: [`${address}:9121`],
        labels: {
          cluster: "redis-cluster-kit-test",
          shard: `${Math.floor(index / 2) + 1}`,
          node: name,
          zone: expect.any(String),
        },
      })),
    );
    expect(
      await everywhere(lab.hosts.slice(0, 6), "stat -c '%a %U' /opt/redis-cluster-kit/slots.lua"),
    ).toEqual(Array.from({ length: 6 }, () => "644 root\n"));
    for (const secret of [PASSWORD, lab.sudoPassword, "PRIVATE KEY"]) {
      expect(output).not.toContain(secret);
      expect(stack.state()).not.toContain(secret);
    }
    const writes = Array.from({ length: KEYS }, (_, index) => `set key:${index} value:${index}`);
    expect(new Set(await cli(stack, first, writes))).toEqual(new Set(["OK"]));
  });

  test("the password is where it has to be on a server, and nobody else can read it there", async () => {
    // The patterns come on stdin and stay in a file: an argument of grep would be found as one.
    const look = `umask 077; cat > /var/tmp/patterns
      grep -rIlF -f /var/tmp/patterns /etc /opt /home /root /tmp /run /srv /usr/local /var 2>/dev/null | grep -v '^/var/log/journal/\\|^/var/tmp/patterns' || true
      journalctl --no-pager -o cat | grep -cF -f /var/tmp/patterns || true
      cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -cF -f /var/tmp/patterns || true
      stat -c '%a %U:%G' /etc/redis/redis.conf /etc/redis-cluster-kit/exporter.password; rm /var/tmp/patterns`;
    for (const host of lab.hosts.slice(0, 6)) {
      const { stdout } = await lab.tryExec(host, ["sh", "-c", look], {
        stdin: `${PASSWORD}\n${lab.sudoPassword}\n`,
      });
      expect(stdout.trim().split("\n").sort()).toEqual(
        [...WITH_PASSWORD, "0", "0", "640 root:redis", "600 root:root"].sort(),
      );
    }
  });

  test("units are hardened and come back at boot; kernel settings hold or are told", async () => {
    const security = await lab.sh(first, "systemd-analyze security --no-pager redis-cluster-kit | tail -n 1");
    expect(Number(/: ([\d.]+) /.exec(security)?.[1])).toBeLessThanOrEqual(2);
    const verified = await lab.tryExec(first, ["systemd-analyze", "verify", "redis-cluster-kit.service"]);
    expect([verified.code, verified.stderr]).toEqual([0, ""]);
    const shown = await lab.sh(
      first,
      "systemctl show redis-cluster-kit -P UnitFileState,Type,TimeoutStopUSec,LimitNOFILE,Restart,User; cat /proc/sys/net/core/somaxconn; stat -c %a:%U /var/lib/redis /etc/redis",
    );
    expect(shown.trim().split("\n").sort()).toEqual(
      ["enabled", "notify", "10min", "65535", "on-failure", "redis", "65535", "750:redis", "750:root"].sort(),
    );
  });

  test("a second up changes nothing, and neither do the scripts by themselves", async () => {
    const [before, pids] = [await stack.must("stack", "export"), await processes()];
    const output = await up();
    expect(output).toMatch(/Resources:\s+\d+ unchanged/);
    expect(output).not.toMatch(/plan:|creating|updating \(/);
    expect(await processes()).toEqual(pids);
    expect(before).not.toContain(PASSWORD);
    // A changed connection runs every script again.
    await everywhere(lab.hosts.slice(0, 6), "touch /run/marker");
    await declare(6);
    const again = await up();
    expect(again).toMatch(/\d+ updated/);
    expect(again).not.toContain("plan:");
    expect(await processes()).toEqual(pids);
    const changed = await everywhere(lab.hosts.slice(0, 6), "find /etc /opt -newer /run/marker");
    expect(changed.join("").trim()).toBe("");
  });

  test("a pair of servers more is a shard more; the others go on as they are", async () => {
    const pids = await processes();
    await declare(8);
    const output = await up();
    expect(output).toContain("8 nodes verified");
    await expectHealthy(stack, first);
    expect(await processes()).toEqual(pids);
    expect((await cli(stack, first, ["cluster info"])).join("\n")).toContain("cluster_size:4");
  });

  test("a pair of servers less: drained first, no key is lost", async () => {
    await declare(6);
    const output = await up();
    expect(output).toContain("6 nodes verified");
    await expectHealthy(stack, first);
    const reads = Array.from({ length: KEYS }, (_, index) => `get key:${index}`);
    const values = await cli(stack, first, reads);
    expect(values.filter((value, index) => !value.includes(`value:${index}`))).toEqual([]);
    const left = await everywhere(lab.hosts.slice(6), "systemctl is-active redis-cluster-kit || true");
    expect(left.map((text) => text.trim())).toEqual(["inactive", "inactive"]);
  });

  test("another version is installed beside the one in use, and rolled by the engine", async () => {
    const version = await declareVersion(stack, "6.2");
    const output = await up();
    expect(output).toMatch(/restart|version/);
    expect(output).toContain("6 nodes verified");
    const running = await everywhere(
      lab.hosts.slice(0, 6),
      "readlink /opt/redis-cluster-kit/current; systemctl show -P Type redis-cluster-kit",
    );
    expect(new Set(running)).toEqual(new Set([`redis-${version}\nexec\n`]));
    const values = await cli(stack, first, ["get key:7", "info server"]);
    expect(values.join("\n")).toContain(`redis_version:${version}`);
    await expectHealthy(stack, first);
  });

  test("maxmemory and the password change live, and the exporters follow", async () => {
    const pids = await processes();
    await stack.set("redis", JSON.stringify({ maxmemory: `${ROOM_MB}mb` }));
    await setSecret(stack, "password", `${PASSWORD}-changed`);
    await stack.set("backup", JSON.stringify({ to: SERVER_FOLDER, schedule: "*-*-* 03:15:00" }));
    const output = await up();
    expect(output).not.toContain(`${PASSWORD}-changed`);
    expect(await processes()).toEqual(pids);
    for (const host of lab.hosts.slice(0, 6)) {
      const metrics = await lab.sh(host, `curl -s http://${host.address}:9121/metrics`);
      expect(metrics).toContain("\nredis_up 1\n");
      const told = /\nredis_memory_max_bytes (\S+)\n/.exec(metrics)?.[1];
      expect(Number(told)).toBe(ROOM_MB * 1024 * 1024);
    }
  });

  /** The command line on the stack's declaration, from this machine through the bastion. */
  const onCluster = async (...argv: string[]) => {
    const file = join(stack.folder, "declaration.json");
    const declaration = await stack.must("stack", "output", "declaration", "--show-secrets");
    writeFileSync(file, declaration.trim(), { mode: 0o600 });
    const ended = await kit(stack.folder, ...argv, "--declaration", file);
    expect(ended.exitCode, `${ended.err}\n${ended.out}`).toBe(0);
    return ended;
  };
  const backups = () => join(stack.folder, "backups");
  const target = () => ({
    nodes: lab.hosts.slice(0, 6).map(({ name, address }) => ({ name, host: address, port: 6379 })),
    password: `${PASSWORD}-changed`,
  });
  const newestIn = (place: string) =>
    readdirSync(place)
      .filter((name) => /T\d{6}Z$/.test(name))
      .sort()
      .at(-1) ?? "";
  let digests: Digests;
  let acknowledged = 0;

  test("a timer on every server; what it takes, verify accepts, and status tells of it", async () => {
    const six = lab.hosts.slice(0, 6);
    const timers = await everywhere(
      six,
      `systemctl is-active ${TIMER}.timer; systemctl show -P NextElapseUSecRealtime ${TIMER}.timer`,
    );
    for (const shown of timers) expect(shown).toMatch(/^active\n.* 03:(1[5-9]|20):\d\d /);
    const modes = await everywhere(
      six,
      "stat -c '%a %U' /etc/redis-cluster-kit/backup.password /srv/backups",
    );
    expect(new Set(modes)).toEqual(new Set(["600 root\n700 redis-backup\n"]));

    await writeDataset(target(), 0, BACKED_UP_KEYS);
    digests = await digestAll(target());
    const began = performance.now();
    acknowledged = await whileWritten(target(), async () => {
      for (const host of six) await lab.sh(host, `systemctl start ${TIMER}.service`);
    });
    console.log(`by the timer: ${digests.size} keys in ${secondsSince(began)} s`);
    const taken = await everywhere(six, "ls /srv/backups");
    // The first server's turn: the others leave it to that one.
    expect(taken.map((names) => names.split("\n").length - 1)).toEqual([1, 0, 0, 0, 0, 0]);
    mkdirSync(backups());
    const packed = Buffer.from(await lab.sh(first, `tar -C ${SERVER_FOLDER} -cz . | base64`), "base64");
    execFileSync("tar", ["-C", backups(), "-xz"], { input: packed });
    const verified = await kit(stack.folder, "backup", "verify", "--in", backups());
    expect(verified.exitCode, verified.err).toBe(0);
    const { keys } = readManifest(await openFolder(backups()).manifest(newestIn(backups())), backups());
    expect(keys).toBeGreaterThanOrEqual(digests.size + acknowledged);
    expect(verified.out).toContain(`${keys.toLocaleString("en-US")} keys`);
    expect((await onCluster("status")).out).toMatch(
      /last backup: .* ago, [\d,]+ keys, .*h1:\/srv\/backups\//,
    );
    const metrics = `/var/lib/${TIMER}/${TIMER}-*.prom`;
    expect(await lab.sh(first, `cat ${metrics}`)).toContain(`} ${keys}\n`);
  });

  test("backups over ssh, to this machine and to the servers' folder; into the emptied cluster again", async () => {
    const here = join(stack.folder, "here");
    const began = performance.now();
    const take = async () => void (await onCluster("backup", "--to", here));
    const later = await whileWritten(target(), take, acknowledged);
    const took = secondsSince(began);
    expect((await onCluster("backup")).out).toMatch(/keys, \d+ bytes in 3 files, in \/srv\/backups/);
    // The retention keeps the newest of a day.
    const kept = (await lab.sh(first, "ls /srv/backups")).trim();
    expect(kept.split("\n")).toHaveLength(1);
    expect(kept > newestIn(backups())).toBe(true);
    for (const host of lab.hosts.slice(0, 6))
      await lab.sh(
        host,
        `REDISCLI_AUTH=${PASSWORD}-changed /opt/redis-cluster-kit/current/redis-cli flushall || true`,
      );
    const loading = performance.now();
    await onCluster("restore", "--from", join(here, newestIn(here)));
    console.log(
      `over ssh: ${digests.size} keys backed up in ${took} s, restored in ${secondsSince(loading)} s`,
    );
    expect(await lost(target(), digests, later)).toEqual([]);
    const redis = { maxmemory: "1gb" };
    const four = await startDeclaredCluster({ redis, line: "7.0", shards: 4, replicasPerShard: 0 });
    try {
      const from = ["--from", join(here, newestIn(here)), "--declaration", four.file];
      const restored = await kit(stack.folder, "restore", ...from);
      expect(restored.exitCode, restored.err).toBe(0);
      expect(await lost(targetOf(four), digests, later)).toEqual([]);
    } finally {
      await four.end();
    }
  });

  test("up takes the timers away where no backups are declared, and starts them by another schedule", async () => {
    const six = lab.hosts.slice(0, 6);
    const pids = await processes();
    await stack.must("config", "rm", "backup");
    await up();
    expect(new Set(await everywhere(six, TIMER_LEFT))).toEqual(new Set(["inactive\n0\n"]));
    await stack.set("backup", JSON.stringify({ to: SERVER_FOLDER, schedule: "Sat 12:30" }));
    await up();
    const next = await everywhere(six, `systemctl show -P NextElapseUSecRealtime ${TIMER}.timer`);
    for (const shown of next) expect(shown).toMatch(/^Sat .* 12:3\d:/);
    expect(await processes()).toEqual(pids);
  });

  test("destroy takes the timers away; with everything lost, restore: brings the keys back", async () => {
    const six = lab.hosts.slice(0, 6);
    await stack.must("destroy", "--yes", "--skip-preview");
    expect(new Set(await everywhere(six, TIMER_LEFT))).toEqual(new Set(["inactive\n0\n"]));
    await everywhere(six, "find /var/lib/redis -mindepth 1 -delete");
    await stack.set("restore", join(backups(), newestIn(backups())));
    await stack.must("config", "rm", "backup");
    const began = performance.now();
    expect(await up()).toMatch(/restored \S+: (\d+) of \1 keys, every slot counted/);
    console.log(`up with restore: ${digests.size} keys on bare servers in ${secondsSince(began)} s`);
    expect(await lost(target(), digests, acknowledged)).toEqual([]);
  });
});

const secondsSince = (began: number) => ((performance.now() - began) / 1000).toFixed(1);
