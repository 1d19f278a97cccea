import { describe, expect, test } from "vitest";
import { findNodeProcesses, type ListedProcess, type ProcessTable } from "../../../hosts/local/processes";

interface Sample {
  readonly pid: number;
  readonly parent?: number;
  readonly title: string;
  readonly folder?: string;
  readonly dying?: boolean;
}

const FOLDER = "/data/n0";
const CONF = "/data/n0/redis.conf";

/** A process table of nothing but listed processes. */
function tableOf(samples: readonly Sample[]): ProcessTable {
  const listed = samples.map(
    ({ pid, parent = 1, title, dying = false }): ListedProcess => ({
      pid,
      parentPid: parent,
      words: title.split(" ").filter((word) => word !== ""),
      dying,
    }),
  );
  return {
    status: async () => undefined,
    list: async () => listed,
    command: async () => [],
    workingDirectories: async () => new Map(samples.map(({ pid, folder = FOLDER }) => [pid, folder])),
    listener: async () => undefined,
  };
}

const find = (samples: readonly Sample[]) => findNodeProcesses(tableOf(samples), FOLDER, CONF);

describe("which process is the node's own", () => {
  test.each([
    ["with Redis's own title", "/usr/bin/redis-server 127.0.0.1:7000 [cluster]"],
    ["on all addresses", "redis-server *:7000 [cluster]"],
    ["of a binary with another name", "/opt/redis5 127.0.0.1:7000 [cluster]"],
    ["that loads still", "/usr/bin/redis-server /data/n0/redis.conf --daemonize no"],
    [
      "that is still the shell before exec",
      `/bin/sh -c umask 077; exec "$@" sh /usr/bin/redis-server ${CONF}`,
    ],
  ])("a server %s", async (_, title) =>
    expect(await find([{ pid: 5, title }])).toEqual({ server: 5, orphans: [] }),
  );

  test.each([
    [
      "a server of another folder",
      { pid: 5, title: "redis-server 127.0.0.1:7000 [cluster]", folder: "/data/n1" },
    ],
    ["an editor of its file", { pid: 5, title: `vim ${CONF}` }],
    ["a client that was started there", { pid: 5, title: "redis-cli -p 7000 --latency" }],
    ["a checker that was started there", { pid: 5, title: "redis-check-aof --fix appendonly.aof" }],
  ])("not %s", async (_, sample) => expect(await find([sample])).toEqual({ orphans: [] }));

  test("a saving child of it is neither another server nor an orphan", async () => {
    const server = { pid: 5, title: "redis-server 127.0.0.1:7000 [cluster]" };
    const fresh = { pid: 9, parent: 5, title: server.title };
    const titled = { pid: 8, parent: 5, title: "redis-rdb-bgsave 127.0.0.1:7000 [cluster]" };
    expect(await find([fresh, titled, server])).toEqual({ server: 5, orphans: [] });
  });

  test("children of a server that is gone, and dying processes, are orphans and no server", async () => {
    const saving = { pid: 8, title: "redis-rdb-bgsave 127.0.0.1:7000 [cluster]" };
    const rewriting = { pid: 9, title: "redis-aof-rewrite 127.0.0.1:7000 [cluster]" };
    const dying = { pid: 10, title: "", dying: true };
    expect(await find([saving, rewriting, dying])).toEqual({ orphans: [8, 9, 10] });
    const server = { pid: 12, title: "redis-server 127.0.0.1:7000 [cluster]" };
    expect(await find([saving, server])).toEqual({ server: 12, orphans: [8] });
  });
});
