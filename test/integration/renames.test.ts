/** `rename-command` on a cluster that runs: CONFIG knows nothing of it, and an append-only file may hold the names that go. */
import { afterAll, describe, expect, it } from "vitest";
import { describeStep } from "../../cluster/plan/describe";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { contentProblems, loadKeys } from "../support/content";
import { bring } from "../support/live";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import type { RedisLine } from "../support/redis-binaries";
import { specOf } from "../support/specs";

const KEYS = 300;

describe.each<RedisLine>(["5.0", "7.0"])("renamed commands on Redis %s", (line) => {
  let local: LocalNodes;
  afterAll(() => local.end());

  function declare(renames: string): ClusterSpec {
    const nodes = local.nodes.map((node): NodeSpec => {
      const conf = local.redisConfOf(node.name).replace(/^rename-command .*\n/gm, "");
      const pairs = renames.match(/\S+ \S+/g) ?? [];
      const lines = pairs.map((pair) => `rename-command ${pair}\n`).join("");
      local.setRedisConf(node.name, `${conf}${lines}`);
      return { ...node, directives: { ...node.directives, "rename-command": renames } };
    });
    return specOf(local, { nodes });
  }

  it("take effect by a rolling restart and survive what the append-only file holds", async () => {
    local = await startLocalNodes({
      shards: 3,
      replicas: 1,
      start: false,
      line,
      directives: { appendonly: "yes" },
    });
    await bring(local, declare(""));
    const primaries = local.nodes.filter(({ member }) => member === 0);
    for (const node of primaries) expect(await local.cli(node, "flushall")).toBe("OK");
    await loadKeys(local.nodes, local.password, KEYS);
    const hidden = declare('EVAL eval-77 FLUSHALL ""');
    const { outcome } = await bring(local, hidden);
    expect(outcome.steps.map(describeStep).filter((text) => text.startsWith("restart"))).toHaveLength(6);
    for (const node of local.nodes) {
      expect(await local.cli(node, "flushall")).toMatch(/unknown command/i);
      expect(await local.cli(node, "eval-77", "return 7", "0")).toBe("7");
    }
    expect(await contentProblems(local.nodes, local.password, KEYS)).toEqual([]);
  });

  // The same steps on every version: once is enough, a rolling restart takes its time.
  if (line === "5.0") return;
  it("come back", async () => {
    await bring(local, declare(""));
    for (const node of local.nodes)
      expect(await local.cli(node, "command", "info", "eval")).toContain("eval");
    expect(await contentProblems(local.nodes, local.password, KEYS)).toEqual([]);
  });
});
