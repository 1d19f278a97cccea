import { describe, expect, it } from "vitest";
import { untilLockFades } from "../../../hosts/local/fading-lock";

const LOCKED =
  "Sorry, the cluster configuration file nodes-7000.conf is already used by a different Redis Cluster node. Please make sure";

describe("a lock of nodes.conf that outlives its server", () => {
  it("is waited for", async () => {
    let tries = 0;
    await untilLockFades(async () => {
      tries++;
      if (tries < 3) throw new Error(LOCKED);
    });
    expect(tries).toBe(3);
  });

  it("is the only thing that is tried again", async () => {
    let tries = 0;
    const start = async () => {
      tries++;
      throw new Error("FATAL CONFIG FILE ERROR");
    };
    await expect(untilLockFades(start)).rejects.toThrow("FATAL CONFIG");
    expect(tries).toBe(1);
  });
});
