/** What the kit believes of redis.conf directives, against real servers of every line. */
import { describe, expect, test } from "vitest";
import type { NodeClient } from "../../cluster/client";
import { defaultDirectives } from "../../config/defaults";
import { DIRECTIVES, type DirectiveInfo, type DirectiveType, directiveInfo } from "../../config/directives";
import { EVENTS, renameable } from "../../config/expect";
import { normalizeDirectives } from "../../config/redis";
import { renderRedisConf } from "../../templates/render";
import { type BareServer, withBareServer } from "../support/bare-server";
import { REDIS_LINES, type RedisLine, redisBinaries } from "../support/redis-binaries";

const PASSWORD = "test-password";

/** Built with another allocator than jemalloc, a server refuses these two whatever the version. */
const BUILD_DEPENDENT = new Set(["activedefrag", "jemalloc-bg-thread"]);

/** Names of all lines, aliases included. TLS is left out of many builds. */
const ALL_NAMES = DIRECTIVES.flatMap((entry) => [
  entry.name,
  ...entry.aliases.map(({ name }) => name),
]).filter((name) => !name.startsWith("tls-"));

function withServer<T>(
  line: RedisLine,
  directives: Readonly<Record<string, string>>,
  body: (server: BareServer) => Promise<T>,
): Promise<T> {
  return withBareServer(
    line,
    (node) => renderRedisConf(node, directives, { password: PASSWORD }),
    PASSWORD,
    body,
  );
}

/** What CONFIG GET answers for a pattern. */
async function configGet(client: NodeClient, pattern: string): Promise<Map<string, string>> {
  const reply = await client.call("CONFIG", "GET", pattern);
  const flat = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""]] : [])));
}

/** "live" where CONFIG SET took the value, "fixed" where it takes none; another refusal is thrown. */
async function trySetting(client: NodeClient, name: string, value: string): Promise<"live" | "fixed"> {
  try {
    await client.call("CONFIG", "SET", name, value);
    return "live";
  } catch (error) {
    if (/Unsupported CONFIG|immutable config|protected config/.test(String(error))) return "fixed";
    throw error;
  }
}

/** Good values of a type as people write them, different ones in every round. */
function samples(name: string, type: DirectiveType, line: RedisLine): readonly unknown[] {
  const { all, notWithAll, more } = EVENTS[line];
  const special: Readonly<Record<string, readonly unknown[]>> = {
    maxclients: [50, "200"],
    databases: [1, "3"],
    "io-threads": [1, "2"],
    // Through these, other settings or the machine itself would refuse more.
    "oom-score-adj": ["no", false],
    "syslog-enabled": [false, "no"],
    "maxmemory-clients": ["5%", "100mb", 0],
    server_cpulist: ["0", ""],
    bio_cpulist: ["0", ""],
    aof_rewrite_cpulist: ["0-1", ""],
    bgsave_cpulist: ["0", ""],
  };
  if (special[name]) return special[name];
  switch (type.kind) {
    case "yesno":
      return [true, "no", "YES", false];
    case "integer":
      return [String(type.min), Number(type.min) + 7, ` ${type.min + 8n} `, String(type.max)];
    case "memory":
      return ["64mb", "3GB", "2m", 1_048_576];
    case "choice":
      return type.values.map((value) => value.toUpperCase());
    case "text":
      return ["redis", 'with "quotes" and \\ blanks', "Grüße ☃"];
    case "save":
      return ["900 1 300 10", "", ["900 1", "60 10000"], '""'];
    case "buffers":
      return ["pubsub 64mb 16mb 90", { replica: "512mb 128mb 60" }, "normal 1gb 0 0 slave 1mb 1k 1"];
    case "events":
      return ["KEA", "", [...more, ...all].reverse().join(""), `xK${notWithAll}e`];
    case "integers":
      return ["0 200 800", [1, 2, 3]];
    case "percentiles":
      return ["50 99 99.9", "", [100, "0.50"]];
    case "renames":
      return [{ DEBUG: "", KEYS: "keys-4711" }, `FLUSHALL '' flushdb hidden_1`, ""];
    default:
      return [];
  }
}

/** A value for every directive that a stack may declare. */
function sampleStack(line: RedisLine, version: string, round: number): Record<string, unknown> {
  return Object.fromEntries(
    ALL_NAMES.flatMap((name) => {
      const info = directiveInfo(name, version);
      if (info?.name !== name || info.owned !== undefined || BUILD_DEPENDENT.has(name)) return [];
      const values = samples(name, info.type, line);
      return [[name, values[round % values.length]]];
    }),
  );
}

describe.each(REDIS_LINES)("directives of Redis %s", (line) => {
  test("the table has every directive of the server, with what CONFIG GET and CONFIG SET do", async () => {
    const { version } = await redisBinaries(line);
    await withServer(line, {}, async ({ client }) => {
      const listed = [...(await configGet(client, "*")).keys()].filter((name) => !name.startsWith("tls-"));
      expect(listed.filter((name) => directiveInfo(name, version) === undefined)).toEqual([]);
      const believed: Record<string, string> = {};
      const seen: Record<string, string> = {};
      for (const name of ALL_NAMES) {
        const info = directiveInfo(name, version);
        believed[name] = describeBelief(info);
        const value = (await configGet(client, name)).get(name);
        seen[name] =
          value === undefined
            ? // Not answered: known from the file alone, or not at all. The next test starts servers with those.
              info === undefined || info.readable
              ? "unknown"
              : believed[name]
            : `readable, ${await trySetting(client, name, value)}`;
      }
      expect(seen).toEqual(believed);
    });
  });

  test.each([0, 1, 2, 3])(
    "a server started with every directive answers the normalised values (%i)",
    async (round) => {
      const { version } = await redisBinaries(line);
      const normalized = normalizeDirectives(sampleStack(line, version, round), version);
      expect(Object.keys(normalized).length).toBeGreaterThan(60);
      await withServer(line, normalized, async ({ client }) => {
        const answered: Record<string, string | undefined> = {};
        const expected: Record<string, string> = {};
        for (const [name, value] of Object.entries(normalized)) {
          if (!directiveInfo(name, version)?.readable) continue;
          expected[name] = value;
          answered[name] = (await configGet(client, name)).get(name);
        }
        expect(answered).toEqual(expected);
      });
    },
  );

  test("CONFIG SET takes every live directive's normalised value and answers it again", async () => {
    const { version } = await redisBinaries(line);
    await withServer(line, {}, async ({ client }) => {
      for (const round of [0, 1, 2, 3]) {
        const normalized = normalizeDirectives(sampleStack(line, version, round), version);
        for (const [name, value] of Object.entries(normalized)) {
          if (!directiveInfo(name, version)?.live) continue;
          await client.call("CONFIG", "SET", name, value);
          expect([name, (await configGet(client, name)).get(name)]).toEqual([name, value]);
        }
      }
    });
  });

  test("a node of the kit's own defaults has them", async () => {
    const { version } = await redisBinaries(line);
    // As many as the limit of open files allows: checked before a start, not here.
    const { maxclients: _, ...defaults } = defaultDirectives(version);
    await withServer(line, defaults, async ({ client }) => {
      const answered = new Map<string, string>();
      for (const name of Object.keys(defaults)) {
        answered.set(name, (await configGet(client, name)).get(name) ?? "(nothing)");
      }
      expect(Object.fromEntries(answered)).toEqual(defaults);
    });
  });

  test("every command that may be taken away exists, and is gone", async () => {
    const commands = renameable(line);
    const renames = commands.map((command) => `${command} ""`).join(" ");
    await withServer(line, { "rename-command": renames }, async ({ client }) => {
      for (const command of commands) {
        await expect(client.call(command)).rejects.toThrow(/unknown command/i);
      }
    });
  });
});

function describeBelief(info: DirectiveInfo | undefined): string {
  if (!info) return "unknown";
  return `${info.readable ? "readable" : "only in the file"}, ${info.live ? "live" : "fixed"}`;
}
