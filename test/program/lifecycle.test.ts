/** One cluster through its life, with the real engine and real Redis. The steps build on each other, in order. */
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everySlotCode, runNode, runPython } from "./support/clients";
import { countKeys, writeKeys } from "./support/keys";
import { readableFilesWith, watchCommandLines } from "./support/secrets";
import { PASSWORD, Stack } from "./support/stack";

describe("a cluster through its life", () => {
  let stack: Stack;
  let port: number;
  let keys = 0;

  beforeAll(async () => {
    stack = await Stack.create();
    port = stack.ports[0] ?? 0;
  });
  afterAll(() => stack?.end());

  const kill = async (...names: string[]) => {
    const running = await stack.running();
    for (const name of names) process.kill(running.get(name) ?? Number.NaN, "SIGKILL");
  };

  test("preview on nothing shows the plan and starts nothing", async () => {
    const preview = await stack.pulumi(["preview"]);
    expect(preview.code, preview.output).toBe(0);
    expect(preview.output).toContain("start 6 nodes");
    expect(preview.output).toContain(
      "assign slots: shard-1-a 0-5460; shard-2-a 5461-10922; shard-3-a 10923-16383",
    );
    expect(existsSync(stack.dataDirectory)).toBe(false);
  });

  test("up makes a healthy cluster, and the password shows nowhere", async () => {
    const lines = watchCommandLines(PASSWORD);
    const up = await stack.up();
    const seen = lines.stop();
    expect(up.code, up.output).toBe(0);
    expect(up.output).toContain("6 nodes verified");
    expect((await stack.running()).size).toBe(6);
    await stack.expectHealthy(port);
    keys = await writeKeys(stack, port);

    expect(lines.samples()).toBeGreaterThan(20);
    expect(seen).toEqual([]);
    expect(up.output).not.toContain(PASSWORD);
    expect(stack.state()).not.toContain(PASSWORD);
    for (const folder of stack.written) expect(readableFilesWith(folder, PASSWORD)).toEqual([]);
    expect(await stack.must("stack", "output", "password", "--show-secrets")).toContain(PASSWORD);
  });

  test("client code works as it is pasted, over all shards, and nothing works without the password", async () => {
    const pasted = (name: string) => stack.must("stack", "output", name);
    expect(await runNode(await pasted("ioredis"))).toBe("[ 'Ada', 'London' ]");
    expect(await runPython("redis-py-cluster==2.1.3", await pasted("python"))).toBe("['Ada', 'London']");
    expect(await runPython("redis==5.3.1", await pasted("pythonRedis"))).toBe("['Ada', 'London']");
    const [slots = 0, ...wrong] = (
      await runPython("redis-py-cluster==2.1.3", everySlotCode("127.0.0.1", port))
    )
      .split(" ")
      .map(Number);
    expect(slots).toBeGreaterThan(4500);
    expect(wrong).toEqual([0, 0]);
    for (const each of stack.ports)
      expect(await stack.cli(each, ["get x"], "")).toEqual(["NOAUTH Authentication required."]);
  });

  test("a second up changes nothing and says so", async () => {
    const before = await stack.running();
    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    expect(up.output).toMatch(/Resources:\s+3 unchanged/);
    expect(up.output).not.toContain("plan:");
    expect(await stack.running()).toEqual(before);
  });

  test("after kill -9 of a primary and another shard's replica, preview and refresh tell, up heals", async () => {
    await kill("shard-1-a", "shard-2-b");
    const preview = await stack.pulumi(["preview"]);
    expect(preview.code, preview.output).toBe(0);
    expect(preview.output).toMatch(/start .*shard-1-a.*shard-2-b/);
    expect(preview.output).toMatch(/~ 1 to update/);
    expect((await stack.running()).size).toBe(4);

    const refresh = await stack.pulumi(["refresh", "--yes", "--skip-preview"]);
    expect(refresh.code, refresh.output).toBe(0);
    const { drift } = stack.outputs();
    expect(drift.join("\n")).toMatch(/shard-1-a.*is not running/);
    expect(drift.join("\n")).toMatch(/shard-2-b.*is not running/);

    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    expect((await stack.running()).size).toBe(6);
    await stack.expectHealthy(port);
    expect(await countKeys(stack, port)).toBe(keys);
    expect(stack.outputs().drift).toEqual([]);
    const again = await stack.up();
    expect(again.output).toMatch(/Resources:\s+3 unchanged/);
  });

  test("a changed directive is set on the running nodes", async () => {
    const before = await stack.running();
    await stack.must("config", "set", "--path", "redis.maxmemory", "80mb");
    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    expect(up.output).toContain("set maxmemory to 83886080");
    expect(await stack.running()).toEqual(before);
    expect(await stack.cli(port, ["config get maxmemory"])).toContain("83886080");
  });

  test("what would make another cluster of it is refused, and nothing happens", async () => {
    const before = await stack.running();
    await stack.set("basePort", String(port + 100));
    const up = await stack.up();
    await stack.set("basePort", String(port));
    expect(up.code).not.toBe(0);
    expect(up.output).toContain(`shard-1-a cannot move from 127.0.0.1:${port} to 127.0.0.1:${port + 100}`);
    expect(await stack.running()).toEqual(before);
  });

  test("destroy stops the nodes and keeps the data, the next up has it again", async () => {
    const destroy = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(destroy.code, destroy.output).toBe(0);
    expect(await stack.running()).toEqual(new Map());
    expect(destroy.output).toContain(stack.dataDirectory);
    expect(readdirSync(stack.dataDirectory)).toContain("shard-1-a");

    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    await stack.expectHealthy(port);
    expect(await countKeys(stack, port)).toBe(keys);
  });

  test("destroy with purge deletes the data", async () => {
    const destroy = await stack.pulumi(["destroy", "--yes", "--skip-preview"], {
      env: { REDIS_CLUSTER_KIT_PURGE: "1" },
    });
    expect(destroy.code, destroy.output).toBe(0);
    expect(destroy.output).toContain("deleted");
    expect(readdirSync(stack.dataDirectory).filter((name) => name !== ".locks")).toEqual([]);
  });
});
