/** The engine dies, or is told to stop, at several moments of a creation: nothing goes on behind its back, the next up finishes. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { countKeys, writeKeys } from "./support/keys";
import { processesOf } from "./support/secrets";
import { Stack } from "./support/stack";

/** Bound on the end of a plugin after its engine's. */
const ORPHAN_LIMIT_MS = 3_000;

const pluginsOf = (stack: Stack) =>
  processesOf(stack.folder).filter(({ command }) => command.includes("pulumi-resource-redis-cluster-kit"));

async function expectNoPlugin(stack: Stack): Promise<void> {
  const deadline = performance.now() + ORPHAN_LIMIT_MS;
  while (pluginsOf(stack).length > 0 && performance.now() < deadline) await sleep(50);
  expect(pluginsOf(stack)).toEqual([]);
}

/** Starts an up and sends `signal` to the engine as soon as its output contains `moment`. */
function interruptedUp(stack: Stack, moment: string, signal: NodeJS.Signals) {
  let isSent = false;
  return stack.up({
    onOutput: (output, child) => {
      if (isSent || !output.includes(moment)) return;
      isSent = true;
      child.kill(signal);
    },
  });
}

describe("an interrupted creation", () => {
  for (const moment of ["step 1 of 9", "step 4 of 9", "step 6 of 9", "step 8 of 9"]) {
    test(`the engine is killed at "${moment}": the plugin ends with it, the next up finishes`, async () => {
      await Stack.with({}, async (stack) => {
        const killed = await interruptedUp(stack, moment, "SIGKILL");
        expect(killed.signal, killed.output).toBe("SIGKILL");
        await expectNoPlugin(stack);

        await stack.must("cancel", "--yes");
        const up = await stack.up();
        expect(up.code, up.output).toBe(0);
        await stack.expectHealthy(stack.ports[0] ?? 0);
        const again = await stack.up();
        expect(again.output).toMatch(/Resources:\s+3 unchanged/);
      });
    });
  }

  test("Ctrl-C: the run ends and says how to go on, the next up finishes", async () => {
    await Stack.with({}, async (stack) => {
      const stopped = await interruptedUp(stack, "step 8 of 9", "SIGINT");
      expect(stopped.code, stopped.output).not.toBe(0);
      expect(stopped.output).toContain("running `up` again continues");
      await expectNoPlugin(stack);

      const up = await stack.up();
      expect(up.code, up.output).toBe(0);
      await stack.expectHealthy(stack.ports[0] ?? 0);
    });
  });
});

test("a scale-out that was killed and declared back leaves nothing behind", async () => {
  await Stack.with({ ports: 8 }, async (stack) => {
    const port = stack.ports[0] ?? 0;
    await stack.must("up", "--yes", "--skip-preview");
    const keys = await writeKeys(stack, port);
    await stack.set("shards", "4");
    const killed = await interruptedUp(stack, "introduce shard-4-a", "SIGKILL");
    expect(killed.signal, killed.output).toBe("SIGKILL");
    await expectNoPlugin(stack);
    await stack.must("cancel", "--yes");

    await stack.set("shards", "3");
    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    expect((await stack.running()).size).toBe(6);
    await stack.expectHealthy(port);
    expect(await countKeys(stack, port)).toBe(keys);
    const again = await stack.up();
    expect(again.output).toMatch(/Resources:\s+3 unchanged/);
  });
});
