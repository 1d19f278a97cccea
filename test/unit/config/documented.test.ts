/**
 * Documentation, schema and what a cluster is given say the same. Each documented default and each documented key is changed once,
 * in the documentation's place and in the program's, and the comparison must notice it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { declare } from "../../../components/declaration";
import { parseConfig } from "../../../config";
import { defaultDirectives } from "../../../config/defaults";
import { DIRECTIVES, LINES } from "../../../config/directives";
import { stackSchema } from "../../../config/schema";
import { ROOT } from "../../support/house/sources";

const REFERENCE = readFileSync(join(ROOT, "docs/configuration.md"), "utf8");
const CONTEXT = { stack: "dev", project: "kit", dataRoot: "/data" };
const PASSWORD = "documented-password";

/** Rows of the table below a heading, cells without backticks around them. */
function rows(text: string, heading: string): string[][] {
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.replace(/^`(.*)`$/, "$1")),
  );
}

/** By key: the default as JSON text, or the words for one that is computed. */
const documentedKeys = (text: string) =>
  new Map(rows(text, "Keys").map(([key = "", , initial = ""]) => [key, initial]));
const documentedDirectives = (text: string) =>
  rows(text, "The kit's defaults").map(([name = "", value = "", lines = ""]) => ({
    name,
    value,
    lines: lines.split(", "),
  }));

/** What a stack without any key gets, and where the documentation says otherwise. */
function differences(text: string): string[] {
  const config = parseConfig({ password: PASSWORD }, CONTEXT) as unknown as Record<string, unknown>;
  const keys = documentedKeys(text);
  const missing = Object.keys(stackSchema.shape).filter((key) => !keys.has(key));
  const unknown = [...keys.keys()].filter((key) => !Object.hasOwn(stackSchema.shape, key));
  const wrong = [...keys].filter(([key, initial]) => {
    const parsed = asJson(initial);
    return parsed !== undefined && JSON.stringify(config[key]) !== JSON.stringify(parsed);
  });
  const keysThatDiffer = new Set([...missing, ...unknown, ...wrong.map(([key]) => key)]);
  return [...keysThatDiffer, ...directiveDifferences(text)];
}

/** Against the redis.conf of a node as it is written to disk. */
function directiveDifferences(text: string): string[] {
  const documented = documentedDirectives(text);
  return LINES.flatMap((line) => {
    const version = `${line}.15`;
    const config = parseConfig({ password: PASSWORD, redisVersion: version }, CONTEXT);
    const [file = ""] = Object.values(declare(config, PASSWORD).files);
    const here = documented.filter(({ lines }) => lines.includes(line));
    const forgotten = Object.keys(defaultDirectives(version)).filter(
      (name) => !here.some((row) => row.name === name),
    );
    const wrong = here.filter(({ name, value }) => config.redis[name] !== value || !isWritten(file, name));
    return [...forgotten, ...wrong.map(({ name }) => `${name} on ${line}`)];
  });
}

function isWritten(file: string, name: string): boolean {
  // Redis 5 knows the older names of some; `save ""` and the like are written in lines of their own.
  const names = [
    name,
    ...(DIRECTIVES.find((entry) => entry.name === name)?.aliases ?? []).map((alias) => alias.name),
  ];
  return file.split("\n").some((row) => names.includes(row.split(" ", 1)[0] ?? ""));
}

function asJson(cell: string): unknown {
  try {
    return JSON.parse(cell) as unknown;
  } catch {
    return undefined;
  }
}

describe("docs/configuration.md", () => {
  test("tells the defaults that a cluster is given", () => {
    expect(documentedKeys(REFERENCE).size).toBeGreaterThan(15);
    expect(documentedDirectives(REFERENCE).length).toBeGreaterThan(10);
    expect(differences(REFERENCE)).toEqual([]);
  });

  const plain = [...documentedKeys(REFERENCE)].filter(([, initial]) => asJson(initial) !== undefined);
  test.each(plain)("is caught with another default of %s", (key, initial) => {
    const changed = REFERENCE.replace(rowOf(key), (row) => row.replace(`\`${initial}\``, '`"parted"`'));
    expect(changed).not.toBe(REFERENCE);
    expect(differences(changed)).toEqual([key]);
  });

  test.each([...documentedKeys(REFERENCE).keys()])(
    "is caught without %s, and with a key that is not there",
    (key) => {
      const renamed = REFERENCE.replace(rowOf(key), (row) =>
        row.replace(`| \`${key}\``, `| \`${key}Parted\``),
      );
      expect(differences(renamed)).toEqual([key, `${key}Parted`]);
    },
  );

  test.each(documentedDirectives(REFERENCE).map(({ name, value }) => [name, value]))(
    "is caught with another default of the directive %s",
    (name = "", value = "") => {
      const [head = "", tail = ""] = REFERENCE.split("### The kit's defaults");
      const row = `| \`${name}\` | \`${value}\` |`;
      expect(tail).toContain(row);
      const changed = `${head}### The kit's defaults${tail.replace(row, `| \`${name}\` | \`parted\` |`)}`;
      expect(differences(changed)).toContain(`${name} on 5.0`.replace("5.0", firstLine(name)));
    },
  );
});

function rowOf(key: string): RegExp {
  return new RegExp(`^\\| \`${key}\` \\|.*$`, "m");
}

function firstLine(name: string): string {
  return documentedDirectives(REFERENCE).find((row) => row.name === name)?.lines[0] ?? "";
}

/** A good value of each key that is not its default, with what it needs beside it. */
const OTHER: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  shards: { shards: 4 },
  replicasPerShard: { replicasPerShard: 2 },
  zones: { zones: ["x", "y", "z"] },
  name: { name: "another" },
  host: { host: "127.0.0.2" },
  basePort: { basePort: 7100 },
  dataDirectory: { dataDirectory: "/elsewhere" },
  redisVersion: { redisVersion: "6.2.14" },
  redisSource: { redisSource: "/usr/bin/redis-server" },
  redisSourceSha256: { redisSource: "/r.tar.gz", redisSourceSha256: "a".repeat(64) },
  password: { password: "another-password" },
  weights: { weights: [2, 1, 1] },
  redis: { redis: { maxmemory: "32mb" } },
  maxMigrationImpact: { maxMigrationImpact: "low" },
  keepPreviousPassword: { keepPreviousPassword: true },
  failback: { failback: true },
  acceptDataLoss: { acceptDataLoss: true },
};
/** Of other targets, and of what is beside the cluster: their own tests. */
const ELSEWHERE = [
  "target",
  "ssh",
  "sshPrivateKey",
  "sudoPassword",
  "aws",
  "monitoring",
  "backup",
  "restore",
];

describe("each documented key", () => {
  const declared = (raw: Readonly<Record<string, unknown>>) => {
    const { password = PASSWORD, ...rest } = raw;
    return declare(parseConfig({ ...rest, password }, CONTEXT), String(password));
  };

  test.each(Object.keys(OTHER))("%s changes what the cluster is given", (key) => {
    const { [key]: _own, ...beside } = OTHER[key] ?? {};
    expect(declared(OTHER[key] ?? {})).not.toEqual(declared(beside));
  });

  test("is changed here, or by the test of its own target", () => {
    const tried = [...Object.keys(OTHER), ...ELSEWHERE];
    expect([...documentedKeys(REFERENCE).keys()].filter((key) => !tried.includes(key))).toEqual([]);
  });
});
