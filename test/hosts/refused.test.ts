/** What cannot work is told before anything is changed, on any server, with the reason and the cure. */
import { utils } from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../program/support/stack";
import { type Lab, type LabHost, startLab } from "./support/lab";
import {
  declared,
  declareServers,
  endStack,
  serverStack,
  setSecret,
  UP_LIMIT_MS,
} from "./support/server-stack";
import { describeWithLab } from "./support/tier";

/** Holds the bus port. */
const LISTENER =
  "import socket, time; s = socket.socket(); s.bind(('0.0.0.0', 16379)); s.listen(); time.sleep(600)";
const NOT_A_KEY = "c3NoLXRlc3Qta2V5LW5vdC10aGUtb25lLW9mLXRoaXMtaG9zdA";

describeWithLab("servers that cannot be nodes", () => {
  let lab: Lab;
  let stack: Stack;

  beforeAll(async () => {
    lab = await startLab({ hosts: 6 });
    stack = await serverStack({ lab, ssh: { dials: 1 } });
  });
  afterAll(async () => {
    if (stack !== undefined) await endStack(stack);
    await lab?.stop();
  });

  const host = (number: number): LabHost => {
    const found = lab.hosts[number - 1];
    if (found === undefined) throw new Error(`the lab has no host ${number}`);
    return found;
  };

  /** Folders and packages of the kit, on any server. */
  const traces = async () => {
    const look = (each: LabHost) =>
      lab.sh(
        each,
        "ls -d /opt/redis-cluster-kit /etc/redis-cluster-kit /etc/sysctl.d/60-* /etc/systemd/system/redis-cluster-kit* 2>/dev/null || true",
      );
    return (await Promise.all(lab.hosts.map(look))).map(String).join("").trim();
  };

  const refused = async (): Promise<string> => {
    const up = await stack.up({ limitMs: UP_LIMIT_MS });
    expect(up.code, up.output).not.toBe(0);
    return up.output;
  };

  test("each of six reasons in one run, each with its server and its cure", async () => {
    await lab.sh(
      host(1),
      "apt-get -q -y install redis-server >/dev/null 2>&1; systemctl is-active redis-server",
    );
    await lab.sh(
      host(2),
      `systemd-run -q --unit=taker python3 -c "${LISTENER}"; for i in $(seq 50); do ss -Hltn | grep -q :16379 && break; sleep 0.1; done`,
    );
    // A host of the lab sees this machine's memory: another figure is put over it.
    await lab.sh(
      host(3),
      "sed 's/^MemTotal:.*/MemTotal: 2097152 kB/' /proc/meminfo > /run/meminfo; mount --bind /run/meminfo /proc/meminfo",
    );
    await stack.set("redis", JSON.stringify({ maxmemory: "8gb" }));
    const servers = lab.hosts.map((each) => declared(lab, each));
    const elsewhere = { ...servers[3], address: "10.99.0.1" };
    const sudoer = declared(lab, host(5), "operator");
    const changed = { ...servers[5], hostKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${NOT_A_KEY}` };
    await declareServers(stack, [...servers.slice(0, 3), elsewhere, sudoer, changed], { dials: 1 });
    await setSecret(stack, "sudoPassword", "not-the-sudo-password");
    const output = await refused();

    expect(output).toMatch(/problem: h1: another Redis runs here .*redis-server/);
    expect(output).toMatch(/problem: h2: port 16379 is taken by "?python3/);
    expect(output).toMatch(/problem: h3: 2048 MiB of memory; maxmemory of 8192 MiB needs 10240 MiB/);
    expect(output).toContain("cure: pulumi config set --path redis.maxmemory 1536mb, or a larger server");
    expect(output).toMatch(/problem: h4: 10\.99\.0\.1 is none of its addresses/);
    expect(output).toMatch(/problem: h5: sudo refuses operator: sudoPassword is wrong/);
    expect(output).toMatch(/redis-h6-check.*host key mismatch/);
    expect(output).not.toContain("not-the-sudo-password");
    expect(await traces()).toBe("");
  });

  test("a full disk, another Redis's data, one that starts at boot, and a server out of reach", async () => {
    await lab.sh(host(1), "systemctl stop redis-server");
    await lab.sh(
      host(2),
      "systemctl stop taker; mkdir -p /var/lib/redis; echo REDIS0009 > /var/lib/redis/dump.rdb",
    );
    await lab.sh(host(3), "mkdir -p /var/lib/redis && mount -t tmpfs -o size=16m tmpfs /var/lib/redis");
    await lab.sh(host(6), "systemctl stop ssh.service ssh.socket 2>/dev/null || systemctl stop sshd");
    await stack.set("redis", JSON.stringify({ maxmemory: "64mb" }));
    await declareServers(
      stack,
      lab.hosts.map((each) => declared(lab, each)),
      { dials: 1 },
    );
    const output = await refused();

    expect(output).toMatch(/problem: h1: another Redis starts here at boot \(redis-server\.service\)/);
    expect(output).toContain(
      "cure: give a server of its own, or: systemctl disable --now redis-server.service",
    );
    expect(output).toMatch(/problem: h2: \/var\/lib\/redis holds data of another Redis/);
    expect(output).toMatch(
      /problem: h3: \d+ MiB are free for \/var\/lib\/redis; a full node of 64 MiB needs 64 MiB/,
    );
    expect(await traces()).toBe("");
  });

  test("a key that no server knows", async () => {
    await setSecret(stack, "sshPrivateKey", utils.generateKeyPairSync("ed25519").private);
    const output = await refused();
    expect(output.match(/redis-h\d-check.*unable to authenticate/g)?.length).toBeGreaterThanOrEqual(5);
    expect(await traces()).toBe("");
  });

  test("two names with one address, too few servers, an unknown zone: without a single connection", async () => {
    const servers = lab.hosts.map((each) => declared(lab, each));
    const twice = { ...servers[5], host: host(1).address };
    await declareServers(stack, [...servers.slice(0, 5), twice]);
    expect(await refused()).toContain("h1 has this host, so h6 would be the same machine");
    await declareServers(stack, servers.slice(0, 5));
    expect(await refused()).toMatch(/5 servers[\s\S]*expected: 6: 3 shards of 2 nodes/);
    await stack.must("config", "set", "zones", "a,b");
    await declareServers(stack, servers);
    expect(await refused()).toMatch(/ssh\.servers\[2\]\.zone: "c"[\s\S]*one of the zones a, b/);
  });
});
