/** Changes that would make another cluster are refused, each with its cure. */
import { describe, expect, test } from "vitest";
import { refuseMove } from "../../../provider/diff";
import { UnchangedError } from "../../../provider/operations";
import { declaration } from "./declarations";

const before = declaration({ name: "shop-dev-cache" });

function refusal(config: Record<string, unknown>): string {
  try {
    refuseMove(before, declaration({ name: "shop-dev-cache", ...config }));
  } catch (error) {
    if (error instanceof UnchangedError) return error.message;
    throw error;
  }
  return "";
}

describe("a cluster that would be another one", () => {
  test("by a renamed resource, project or stack: the error says how to pin the name", () => {
    const text = refusal({ name: "shop-dev-store" });
    expect(text).toContain('name of a cluster cannot change from "shop-dev-cache" to "shop-dev-store"');
    expect(text).toContain('name: "shop-dev-cache" in the arguments of RedisCluster');
    expect(text).toContain("pulumi config set name shop-dev-cache");
  });

  test("by another folder or other addresses", () => {
    const folder = refusal({ dataDirectory: "/elsewhere" });
    expect(folder).toContain('dataDirectory of a cluster cannot change from "/data/clusters/shop-dev-cache"');
    expect(folder).toContain("Set it back.");
    expect(folder).not.toContain("Pin it");
    expect(refusal({ basePort: 7100 })).toContain(
      "shard-1-a cannot move from 127.0.0.1:7000 to 127.0.0.1:7100 while the cluster exists. Set host and basePort back.",
    );
  });

  test("and nothing else is refused here", () => {
    expect(refusal({ shards: 4, redisVersion: "6.2.14", redis: { maxmemory: "96mb" } })).toBe("");
  });
});
