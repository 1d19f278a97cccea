/** Two clusters of one name at one place: whose backup is whose. */
import { describe, expect, it } from "vitest";
import { byCluster, newestOfOthers, nodeIds } from "../../../backup/lineage";
import { listBackups, namesakes } from "../../../backup/list";
import { ofNodes, placeOf } from "./support";

const id = (digit: string) => digit.repeat(40);

describe("node ids of a manifest", () => {
  it("are those that a shard was saved on and all that any node knew", () => {
    const manifest = ofNodes("20", "a");
    const nodesConf = `${id("b")} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5\n${id("c")} 10.0.0.2:6379@16379 master - 0 0 2 connected 6-9\n`;
    const known = nodeIds({ ...manifest, nodes: [{ name: "n", nodesConf }] });
    expect([...known].sort()).toEqual([id("a"), id("b"), id("c")]);
  });
});

describe("backups of one name", () => {
  const ids = (clusters: ReturnType<typeof byCluster>) =>
    clusters.map((backups) => backups.map((one) => one.startedAt.slice(8, 10)));

  it("are of one cluster as long as one shares a node with another, however far apart", () => {
    // Within a year every node has been replaced.
    const years = [ofNodes("20", "cd"), ofNodes("22", "a"), ofNodes("21", "bc"), ofNodes("23", "ab")];
    expect(byCluster(years)).toHaveLength(1);
    expect(byCluster(years)[0]?.map((one) => one.startedAt.slice(8, 10))).toEqual(["23", "22", "21", "20"]);
  });

  it("are of several where they share none, the one with the newest first", () => {
    const backups = [ofNodes("20", "a"), ofNodes("21", "b"), ofNodes("22", "a"), ofNodes("23", "b")];
    expect(ids(byCluster(backups))).toEqual([
      ["23", "21"],
      ["22", "20"],
    ]);
  });
});

describe("a place with backups of two clusters of one name", () => {
  const place = placeOf([ofNodes("20", "a"), ofNodes("21", "b"), ofNodes("22", "a")]);

  it("is told of, naming the newest of both", async () => {
    const [warning = "", ...more] = namesakes(place.url, await listBackups(place));
    expect(more).toEqual([]);
    expect(warning).toMatch(/^\/backups has backups of 2 clusters named cache, which share no node/);
    expect(warning).toContain(
      "cache-20261122T031500Z (of shard-1-b at 127.0.0.1:7003, node id aaaaaaaaaaaa)",
    );
    expect(warning).toContain(
      "cache-20261121T031500Z (of shard-1-b at 127.0.0.1:7003, node id bbbbbbbbbbbb)",
    );
  });

  it("is nothing to tell of where the names differ", async () => {
    const other = { ...ofNodes("21", "b"), cluster: "other", id: "other-20261121T031500Z" };
    const apart = placeOf([ofNodes("20", "a"), other]);
    expect(namesakes(apart.url, await listBackups(apart))).toEqual([]);
  });

  it("has another one's as its newest only for the one that did not take it", async () => {
    expect(await newestOfOthers(place, "cache", new Set([id("b")]))).toContain("cache-20261122T031500Z");
    expect(await newestOfOthers(place, "cache", new Set([id("a")]))).toBeUndefined();
  });
});
