/** What is generated from the schema is current, and the dev stack fits it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { NAMESPACE, parseConfig } from "../../../config";
import { stackSchema } from "../../../config/schema";
import { stackFileSchema } from "../../../scripts/reference/json-schema";
import { configurationReference } from "../../../scripts/reference/markdown";
import { CONTEXT } from "./context";

const read = (file: string) => readFileSync(join(__dirname, "../../..", file), "utf8");
/** As it was committed: `npm run up` adds a password of its own to the working copy. */
function committed(file: string): string {
  const root = join(__dirname, "../../..");
  try {
    return execFileSync("git", ["show", `HEAD:${file}`], { cwd: root, encoding: "utf8", stdio: "pipe" });
  } catch {
    // Not a git checkout: nothing but the file itself.
    return read(file);
  }
}
const AGAIN = "run `npx tsx scripts/generate-schema.ts`";

describe("generated files", () => {
  test("Pulumi.schema.json is current", () => {
    expect(JSON.parse(read("Pulumi.schema.json")), AGAIN).toEqual(
      JSON.parse(JSON.stringify(stackFileSchema())),
    );
  });

  test("docs/configuration.md is current", () => {
    expect(read("docs/configuration.md"), AGAIN).toBe(configurationReference());
  });

  test("name every key", () => {
    for (const key of Object.keys(stackSchema.shape)) {
      expect(read("docs/configuration.md")).toContain(`| \`${key}\` |`);
      expect(read("Pulumi.schema.json")).toContain(`"${NAMESPACE}:${key}"`);
    }
  });
});

describe("Pulumi.dev.yaml", () => {
  const text = committed("Pulumi.dev.yaml");
  const file: { config: Record<string, unknown> } = parse(text);
  const raw = Object.fromEntries(
    Object.entries(file.config).map(([key, value]) => [key.replace(`${NAMESPACE}:`, ""), value]),
  );

  test("is complete as it stands: six nodes, little memory, no password", () => {
    const config = parseConfig(raw, CONTEXT);
    expect(config).toMatchObject({ target: "local", shards: 3, replicasPerShard: 1, zones: ["a", "b", "c"] });
    expect(config.redis.maxmemory).toBe("67108864");
    expect(config.password).toBeUndefined();
    expect(file).toEqual({ config: file.config });
  });

  test("names its schema in the first line, for editors", () => {
    expect(text.split("\n", 1)).toEqual(["# yaml-language-server: $schema=./Pulumi.schema.json"]);
  });

  test("means the same as Pulumi gives it to the program: as text", () => {
    const asText = Object.fromEntries(
      Object.entries(raw).map(([key, value]) => [
        key,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    );
    expect(parseConfig(asText, CONTEXT)).toEqual(parseConfig(raw, CONTEXT));
  });
});

describe("the schema of stack files", () => {
  const schema = z.fromJSONSchema(JSON.parse(read("Pulumi.schema.json")));
  const stack = (config: Record<string, unknown>) => ({
    config: Object.fromEntries(Object.entries(config).map(([key, value]) => [`${NAMESPACE}:${key}`, value])),
  });

  test("takes the dev stack, also after Pulumi has written to it", () => {
    const file = parse(committed("Pulumi.dev.yaml"));
    expect(schema.safeParse(file).error).toBeUndefined();
    const written = {
      ...file.config,
      [`${NAMESPACE}:password`]: { secure: "v1:abc" },
      "aws:region": "eu-west-1",
    };
    expect(schema.safeParse({ config: written, encryptionsalt: "v1:x" }).error).toBeUndefined();
  });

  test.each([
    [{ shards: 4 }, true],
    [{ shards: "4" }, true],
    [{ shards: 2 }, false],
    [{ shards: "four" }, false],
    [{ shard: 4 }, false],
    [{ zones: "a,b" }, true],
    [{ zones: [] }, false],
    [{ redis: { maxmemory: "64mb", appendonly: true, save: "900 1" } }, true],
    [{ redis: { maxmemory: "64 mb" } }, false],
    [{ redis: { appendonly: "on" } }, false],
    [{ redis: { maxmemroy: "64mb" } }, false],
    [{ redis: { port: 7000 } }, false],
    [{ redis: '{"maxmemory": "64mb"}' }, true],
  ])("%j: %s", (config, good) => {
    expect(schema.safeParse(stack(config)).success).toBe(good);
  });
});

describe("Pulumi.staging.yaml", () => {
  test("is complete but for the secrets: six servers, production settings", () => {
    const file: { config: Record<string, unknown> } = parse(read("Pulumi.staging.yaml"));
    const entries = Object.entries(file.config).map(([key, value]) => [
      key.replace(`${NAMESPACE}:`, ""),
      value,
    ]);
    const config = parseConfig(Object.fromEntries(entries), { ...CONTEXT, stack: "staging" });
    expect(config).toMatchObject({ target: "ssh", shards: 3, replicasPerShard: 1, zones: ["a", "b", "c"] });
    expect(config.redis).toMatchObject({ maxmemory: String(8 * 1024 ** 3), appendonly: "yes" });
    expect(config.password).toBeUndefined();
  });
});
