/**
 * The prod stack end to end without AWS: the real Pulumi engine, moto as AWS, booted servers at the private addresses that
 * the plan gives them, reached through the bastion, rules enforced, provisioned and formed into a cluster by the kit as it
 * is. The plugin of @pulumi/aws is a stand-in, that of @pulumi/command where the real one is not installed. The steps build
 * on each other.
 */
import { DescribeInstancesCommand, DescribeVolumesCommand } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Entry } from "../aws/support/plugins/call-log";
import { OLD_IMAGE, PASSWORD } from "../aws/support/stack";
import { run } from "../program/support/run";
import { Traffic } from "../support/traffic";
import { AwsLab, NODES, opens } from "./support/aws-lab";
import { describeWithLab } from "./support/tier";

describeWithLab("the prod stack on booted servers, with moto as AWS", () => {
  let world: AwsLab;

  beforeAll(async () => {
    world = await AwsLab.create();
  });
  afterAll(() => world?.end());

  const expectHealthy = async () => {
    const { cli } = world.stack.stack.redis;
    const verdict = await run(cli, ["--cluster", "check", `${world.address("shard-1-a")}:6379`], {
      cwd: world.stack.stack.folder,
      env: { ...process.env, REDISCLI_AUTH: PASSWORD },
    });
    expect(verdict.output).toContain("All 16384 slots covered");
    expect(verdict.output).toContain("All nodes agree about slots configuration");
    expect(verdict.output).not.toMatch(/\[(ERR|WARNING)\]/);
  };
  const writing = (writesPerSecond: number, replyTimeoutMs: number) => {
    const nodes = NODES.map((node) => ({ host: world.address(node), port: 6379 }));
    return Traffic.start({ nodes, password: PASSWORD, writesPerSecond, replyTimeoutMs });
  };
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    console.log(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return result;
  };

  test("a preview refuses a network in which an address of a node is somebody else's", async () => {
    const taken = await world.takeAddress("shard-2-b");
    const { code, output } = await world.stack.pulumi("preview");
    await taken.release();
    expect(code).not.toBe(0);
    expect(output).toMatch(new RegExp(`${world.address("shard-2-b")} is somebody else's`));
    expect(output).toContain("1 problem; nothing was changed");
  });

  test("preview and up: six servers over three zones, a verified cluster on their private addresses", async () => {
    await world.stack.must("preview");
    expect(world.machines.addresses).toEqual([]);
    const { output } = await timed("up, from nothing to a verified cluster", () => world.stack.up());
    expect(output).toContain("6 nodes verified");
    expect(world.machines.addresses).toEqual(
      expect.arrayContaining(NODES.map((node) => world.address(node))),
    );
    expect(world.machines.addresses).toHaveLength(7);
    const endpoints = await world.stack.must("stack", "output", "endpoints", "--json");
    expect(JSON.parse(endpoints)).toEqual(
      expect.arrayContaining(NODES.map((node) => `${world.address(node)}:6379`)),
    );
    await expectHealthy();
  });

  test("the rules of AWS are what lets it work: nothing else is reached", async () => {
    const node = world.address("shard-2-a");
    expect(await opens(node, 6379)).toBe(true);
    expect(await opens(node, 22)).toBe(false);
    expect(await opens(node, 16_379)).toBe(false);
    expect(await opens(node, 9121)).toBe(false);
    expect(await world.sh("shard-2-a", `curl -s http://${node}:9121/metrics`)).toContain("\nredis_up 1\n");
    // cloud-init's part: the data is on the node's own volume.
    expect(await world.sh("shard-2-a", "findmnt -n -o FSTYPE,LABEL /var/lib/redis")).toMatch(
      /ext4 +redis-data/,
    );
  });

  test("a second up does nothing", async () => {
    const { output, calls } = await world.stack.up();
    expect(output).toMatch(/Resources:\s+\d+ unchanged/);
    expect(output).not.toMatch(/plan:|updating \(/);
    expect(calls).toEqual([]);
  });

  test("a server that AWS boots again is back in the cluster by itself, with its data", async () => {
    const before = await world.sh(
      "shard-3-b",
      "cat /var/lib/redis/nodes*.conf | grep myself | cut -d ' ' -f 1",
    );
    await world.machines.reboot(world.address("shard-3-b"));
    await expect.poll(() => opens(world.address("shard-3-b")), { timeout: 60_000, interval: 200 }).toBe(true);
    const after = await world.sh(
      "shard-3-b",
      "cat /var/lib/redis/nodes*.conf | grep myself | cut -d ' ' -f 1",
    );
    expect(after).toBe(before);
  });

  test("a server that is gone for good: up --refresh makes it again, the same node with its data", async () => {
    const id = "cat /var/lib/redis/nodes*.conf | grep myself | cut -d ' ' -f 1";
    const before = await world.sh("shard-2-a", id);
    const traffic = await writing(100, 1_000);
    const lost = await world.loseServer("shard-2-a");
    const { calls } = await timed("up --refresh after a lost server", () => world.stack.up("--refresh"));
    const report = await traffic.stop();
    console.log(
      `a lost primary: longest unavailability ${report.longestWriteMs} ms, ${report.lost.length} writes lost`,
    );
    expect(report.failed).toEqual([]);
    expect(await world.instanceOf("shard-2-a")).not.toBe(lost);
    expect(await world.sh("shard-2-a", id)).toBe(before);
    const servers = calls.filter(({ type, moment }) => type === "Instance" && moment === "end");
    expect(servers.map(({ what, name }) => `${what} ${name}`)).toEqual(["create redis-shard-2-a"]);
    await expectHealthy();
  });

  test("another image for all six in one up, with pinned host keys, under a writing client", async () => {
    for (const [name, key] of Object.entries(await world.hostKeys()))
      await world.stack.set(`aws.hostKeys.${name}`, key);
    await world.stack.set("aws.ami", OLD_IMAGE);
    await world.stack.set("aws.allowDestroy", "true");
    world.stops.length = 0;
    const traffic = await writing(200, 2_000);
    const { calls, output } = await timed("up with another image for all six", () => world.stack.up());
    const report = await traffic.stop();
    console.log(
      `six servers replaced: ${report.writes} acknowledged writes, ${report.lost.length} lost, longest unavailability ${report.longestWriteMs} ms`,
    );
    expect([report.lost, report.wrongReads, report.failed]).toEqual([[], [], []]);
    expect(report.writes).toBeGreaterThan(1_000);
    expect(output).not.toContain(PASSWORD);
    expect(serverTurns(calls)).toEqual(NODES.flatMap(turnOf));
    // Whenever AWS stopped a server, its node was stopped already and every other one served.
    expect(world.stops).toEqual(NODES.map((node) => ({ node, down: [node] })));
    for (const node of NODES) expect(world.machines.at(world.address(node)).image).toBe(OLD_IMAGE);
    await expectHealthy();
    const { calls: again } = await world.stack.up();
    expect(again).toEqual([]);
  });

  test("another instance type for all six in one up: stopped and started one at a time, under a writing client", async () => {
    const before = await Promise.all(NODES.map((node) => world.instanceOf(node)));
    await world.stack.set("aws.instanceType", "r7g.xlarge");
    world.stops.length = 0;
    const traffic = await writing(200, 2_000);
    const { calls } = await timed("up with another type for all six", () => world.stack.up());
    const report = await traffic.stop();
    console.log(
      `six servers stopped and started: ${report.writes} acknowledged writes, ${report.lost.length} lost, longest unavailability ${report.longestWriteMs} ms`,
    );
    expect([report.lost, report.wrongReads, report.failed]).toEqual([[], [], []]);
    // The same servers: AWS calls each one running long before its sshd is.
    expect(await Promise.all(NODES.map((node) => world.instanceOf(node)))).toEqual(before);
    const changed = calls.filter(({ type, moment }) => type === "Instance" && moment === "end");
    expect(changed.map(({ what, name }) => `${what} ${name}`)).toEqual(
      NODES.map((node) => `update redis-${node}`),
    );
    expect(world.stops).toEqual(NODES.map((node) => ({ node, down: [node] })));
    await expectHealthy();
    const { calls: again } = await world.stack.up();
    expect(again).toEqual([]);
  });

  test("a shard more, and fewer again: nobody who stays is restarted, no key is lost", async () => {
    const pid = "systemctl show -P MainPID redis-cluster-kit";
    const processes = () => Promise.all(NODES.map((node) => world.sh(node, pid)));
    const before = await processes();
    const traffic = await writing(100, 2_000);
    await world.stack.set("shards", "4");
    const { output: grown } = await timed("a shard more", () => world.stack.up());
    expect(grown).toContain("8 nodes verified");
    expect(world.machines.addresses).toHaveLength(9);
    await expectHealthy();
    await world.stack.set("shards", "3");
    const { output: shrunk, calls } = await timed("a shard fewer", () => world.stack.up());
    const report = await traffic.stop();
    expect([report.lost, report.wrongReads, report.failed]).toEqual([[], [], []]);
    expect(shrunk).toContain("6 nodes verified");
    expect(world.machines.addresses).toHaveLength(7);
    const ended = calls.filter(
      ({ type, what, moment }) => type === "Instance" && what === "delete" && moment === "end",
    );
    expect(ended.map(({ name }) => name).sort()).toEqual(["redis-shard-4-a", "redis-shard-4-b"]);
    expect(await processes()).toEqual(before);
    await expectHealthy();
  });

  test("destroy leaves no server, no volume, no connection", async () => {
    await timed("destroy", () => world.stack.watched("destroy", "--yes", "--skip-preview"));
    expect(world.machines.addresses).toEqual([]);
    const { Volumes } = await world.machines.ec2.send(new DescribeVolumesCommand({}));
    expect(Volumes).toEqual([]);
    const states = ["pending", "running", "stopping", "stopped"];
    const { Reservations } = await world.machines.ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: "instance-state-name", Values: states }] }),
    );
    expect(Reservations).toEqual([]);
    const state = JSON.parse(await world.stack.must("stack", "export")) as {
      deployment: { resources?: unknown[] };
    };
    expect(state.deployment.resources ?? []).toEqual([]);
  });
});

/** What the plugin of AWS does to servers, beginnings and ends, in order. */
function serverTurns(calls: readonly Entry[]): string[] {
  return calls
    .filter(({ type, name }) => /^(Instance|VolumeAttachment)$/.test(type) && name.includes("shard-"))
    .filter(({ what }) => what !== "update")
    .map(({ moment, what, type, name }) => `${moment} ${what} ${type} ${name}`);
}

function turnOf(node: string): string[] {
  const server = `Instance redis-${node}`;
  const attachment = `VolumeAttachment redis-${node}-data`;
  return [`delete ${attachment}`, `delete ${server}`, `create ${server}`, `create ${attachment}`].flatMap(
    (step) => [`begin ${step}`, `end ${step}`],
  );
}
