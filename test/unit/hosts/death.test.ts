import { expect, test } from "vitest";
import { describeDeath } from "../../../hosts/local/death";
import { pathsOf } from "../../../hosts/local/folder";

const node = { name: "n0", host: "127.0.0.1", port: 7000, busPort: 17000 };
const texts = (log: string) =>
  describeDeath({
    node,
    paths: pathsOf("/data", node),
    server: "/opt/redis/redis-server",
    log,
    how: "exit code 1",
  });

test.each([
  ["a bad directive", "*** FATAL CONFIG FILE ERROR ***\n>>> 'x y'\nBad directive", "Correct that directive"],
  [
    "a damaged AOF of 5.0",
    "Bad file format reading the append only file: make a backup of your AOF file, then use ./redis-check-aof --fix <filename>",
    "/opt/redis/redis-check-aof FILE",
  ],
  [
    "a damaged AOF of 7.0",
    "Unexpected end of file reading the append only file appendonly.aof.1.incr.aof. You can: 1) Make a backup",
    "appendonlydir/*.manifest",
  ],
  [
    "a snapshot of a newer version",
    "Can't handle RDB format version 10",
    "redis-check-rdb /data/n0/dump.rdb",
  ],
  [
    "a damaged snapshot",
    "Short read or OOM loading DB. Unrecoverable error, aborting now.",
    "redis-check-rdb",
  ],
  [
    "a damaged nodes.conf",
    "Unrecoverable error: corrupted cluster config file.",
    "its place in the cluster is lost",
  ],
  [
    "a lock that is held",
    "Sorry, the cluster configuration file nodes.conf is already used by a different Redis Cluster node.",
    "holds the lock",
  ],
  [
    "a port that was taken meanwhile",
    "Could not create server TCP listening socket 127.0.0.1:7000: bind: Address already in use",
    "bus port 17000 was taken",
  ],
  ["a full disk", "Write error saving DB on disk: No space left on device", "see that its disk has space"],
  [
    "a program that is missing",
    "sh: 1: exec: /opt/redis/redis-server: not found",
    "See that /opt/redis/redis-server",
  ],
  [
    "a program of another machine",
    "sh: 1: exec: /opt/redis/redis-server: Exec format error",
    "runs on this machine",
  ],
])("%s: its words and its cure", (_, log, cure) => {
  const text = texts(log);
  expect(text).toContain('node "n0" (127.0.0.1:7000): redis-server ended at its start (exit code 1)');
  for (const line of log.split("\n")) expect(text).toContain(line);
  expect(text).toContain(cure);
});

test.each([
  ["nothing", ""],
  [
    "only good news",
    "* DB loaded from append only file: 0.001 seconds\n* Creating AOF base file\n* DB loaded from disk",
  ],
])("with %s in the log no cure is invented", (_, log) => {
  expect(texts(log)).toMatch(/The whole log is in \/data\/n0\/redis\.log\.$/);
  expect(texts(log)).not.toMatch(/redis-check/);
});
