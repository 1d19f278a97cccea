/** Rendered redis.conf files, read by real servers: every odd value arrives as it was meant. */

import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeClient } from "../../cluster/client";
import { passwordProblems } from "../../config/password";
import { quote } from "../../templates/quote";
import { renderRedisConf } from "../../templates/render";
import { type BareServer, withBareServer } from "../support/bare-server";
import { REDIS_LINES, type RedisLine } from "../support/redis-binaries";

/** Texts that have broken quoting somewhere, and some that try to add a line of their own. */
const ODD_TEXTS = [
  'say "friend"',
  "it's",
  "back\\slash and trailing \\",
  "\\x41 \\n \\t is no escape",
  " blanks at both ends ",
  "# no comment",
  '" requirepass hijacked',
  "include /etc/passwd",
  "Grüße, 世界, 🔑",
  "$HOME $(id) `id` %s %n",
  "{{password}} {{name}}",
  "'single' and \"double\"",
  '""',
  "''",
  "tab\\there",
  "semi;colon|pipe&and<or>",
];

/** Legal passwords of any kind, the same ones in every run. */
function someTexts(count: number): string[] {
  const arbitrary = fc.oneof(
    fc.string({ minLength: 8, maxLength: 40 }),
    fc.string({ minLength: 8, maxLength: 40, unit: "binary" }),
    fc.string({
      minLength: 8,
      maxLength: 30,
      unit: fc.constantFrom("\\", '"', "'", " ", "#", "x", "4", "é"),
    }),
  );
  const legal = arbitrary.filter((text) => passwordProblems(text).length === 0);
  return [...new Set(fc.sample(legal, { numRuns: count, seed: 20_240_607 }))];
}

/** Commands to give odd names to, as many as all lines have. */
const COMMANDS =
  "append bitcount bitop bitpos blpop brpop decr decrby exists expire expireat geoadd geodist geohash geopos get getbit getrange getset hdel hexists hget hgetall hincrby hkeys hlen hmget hmset hset hsetnx hstrlen hvals incr incrby lindex linsert llen lpop lpush lpushx lrange lrem lset ltrim mget mset msetnx pexpire pfadd pfcount pfmerge psetex pttl rename renamenx rpop rpoplpush rpush rpushx sadd scard sdiff sdiffstore setbit setex setnx setrange sinter sismember smembers smove spop srandmember srem strlen sunion ttl type xadd xdel xlen xrange zadd zcard zcount zincrby zrange zrank zrem zscore".split(
    " ",
  );

/**
 * Redis looks command names up without regard to the case of ASCII letters, so no two may differ in it alone. ioredis
 * finds transformers by name in a plain object, "toString" among them: such names are left out.
 */
function distinctNames(texts: readonly string[]): string[] {
  const usable = texts.filter((text) => !(text in {}));
  const byKey = new Map(
    usable.map((text) => [text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()), text]),
  );
  return [...byKey.values()];
}

function withPassword<T>(
  line: RedisLine,
  password: string,
  body: (server: BareServer) => Promise<T>,
  directives: Readonly<Record<string, string>> = {},
): Promise<T> {
  return withBareServer(line, (node) => renderRedisConf(node, directives, { password }), password, body);
}

describe.each(REDIS_LINES)("Redis %s reads what was rendered", (line) => {
  test("as names of commands: hundreds of odd texts", async () => {
    const names = distinctNames([...ODD_TEXTS, ...someTexts(400)]);
    expect(names.length).toBeGreaterThan(300);
    for (let at = 0; at < names.length; at += COMMANDS.length) {
      const batch = names.slice(at, at + COMMANDS.length);
      const renames = batch.map((name, index) => `${COMMANDS[index]} ${quote(name)}`).join(" ");
      await withPassword(
        line,
        "test-password",
        async ({ client }) => {
          await expect(client.call("no-such-command")).rejects.toThrow(/unknown command/i);
          for (const name of batch) {
            // Known under this very name, and called without its arguments.
            await expect(client.call(name), JSON.stringify(name)).rejects.toThrow(
              /wrong number of arguments/,
            );
          }
        },
        { "rename-command": renames },
      );
    }
  });

  test.each([...ODD_TEXTS, "x".repeat(512), "é".repeat(256), ...someTexts(12)].filter(isLegal))(
    "as password: %j",
    (password) =>
      withPassword(line, password, async ({ client, connect }) => {
        expect(await client.call("PING")).toBe("PONG");
        expect(client.passwordIndex).toBe(0);
        for (const name of ["requirepass", "masterauth"]) {
          expect(await client.call("CONFIG", "GET", name)).toEqual([name, password]);
        }
        await expect(connect(`${password}x`)).rejects.toThrow();
      }),
  );

  test("a replica logs in to its primary with an odd password, both under their announced address", () => {
    const password = `${ODD_TEXTS.join(" ")}`;
    expect(passwordProblems(password)).toEqual([]);
    return withPassword(line, password, (primary) =>
      withPassword(line, password, async (replica) => {
        await primary.client.call("CLUSTER", "MEET", "127.0.0.1", replica.node.port);
        const primaryId = String(await primary.client.call("CLUSTER", "MYID"));
        await until(async () => String(await replica.client.call("CLUSTER", "NODES")).includes(primaryId));
        await until(async () => (await tryReplicate(replica.client, primaryId)) === "OK");
        await until(async () =>
          String(await replica.client.call("INFO", "replication")).includes("master_link_status:up"),
        );
        const myself = String(await primary.client.call("CLUSTER", "NODES")).split("\n");
        expect(myself.find((entry) => entry.includes("myself"))).toContain(
          ` 127.0.0.1:${primary.node.port}@`,
        );
      }),
    );
  });
});

function isLegal(text: string): boolean {
  return passwordProblems(text).length === 0;
}

/** Refused until the handshake is over. */
async function tryReplicate(client: NodeClient, primaryId: string): Promise<string> {
  try {
    return String(await client.call("CLUSTER", "REPLICATE", primaryId));
  } catch (error) {
    return String(error);
  }
}

async function until(reached: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await reached())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${String(reached)}`);
    await sleep(50);
  }
}
