import { describe, expect, test } from "vitest";
import { checkInputs, knownDeclaration } from "../../../provider/check";
import { contradictions, declarationSchema, NOTHING_INHERITED, specOf } from "../../../provider/declaration";
import { packageSchema } from "../../../provider/schema";
import { TOPOLOGY_TYPE } from "../../../provider/types";
import { fromStruct, type PlainObject, secret, toStruct, UNKNOWN } from "../../../provider/wire";
import { declaration, PASSWORD } from "./declarations";

const good = declaration();
const inputs = (change: object = {}): PlainObject => fromStruct(toStruct({ ...good, ...change }));
const properties = (change: object) => checkInputs(inputs(change)).map(({ property }) => property);

describe("check", () => {
  test("finds nothing in what the component makes, for any shape", () => {
    expect(checkInputs(inputs())).toEqual([]);
    const large = declaration({ shards: 7, replicasPerShard: 2, zones: ["a", "b", "c", "d"] });
    expect(checkInputs(fromStruct(toStruct(large)))).toEqual([]);
  });

  test.each<[string, object, string]>([
    ["a missing field", { password: undefined }, "password"],
    ["a wrong type", { replicasPerShard: "1" }, "replicasPerShard"],
    ["a port out of range", { nodes: good.nodes.with(2, { ...first(), port: 70_000 }) }, "nodes[2].port"],
    ["an unknown field", { nodez: [] }, ""],
    ["a directive that is no text", { directives: { "max-memory": 1 } }, 'directives["max-memory"]'],
    ["a name twice", { nodes: good.nodes.with(1, { ...second(), name: first().name }) }, "nodes[1]"],
    ["an address twice", { nodes: good.nodes.with(1, { ...second(), port: first().port }) }, "nodes[1]"],
    [
      "a bus port that is another's data port",
      { nodes: good.nodes.with(1, { ...second(), busPort: first().port }) },
      "nodes[1]",
    ],
    ["a shard without weight", { weights: [1, 1] }, "nodes[4]"],
    ["a node without redis.conf", { files: {} }, "files"],
  ])("%s is told at its property", (_name, change, property) => {
    expect(properties(change)).toContain(property);
  });

  test("does not judge what a preview does not know yet", () => {
    const change = { password: secret(UNKNOWN), files: secret(UNKNOWN) };
    expect(properties(change)).toEqual([]);
    expect(properties({ ...change, replicasPerShard: "1" })).toEqual(["replicasPerShard"]);
    expect(knownDeclaration(inputs(change))).toBeUndefined();
    expect(knownDeclaration(inputs())).toEqual(good);
  });

  test("never repeats a password", () => {
    const failures = checkInputs(inputs({ password: [PASSWORD], files: PASSWORD }));
    expect(failures.length).toBeGreaterThan(0);
    expect(JSON.stringify(failures)).not.toContain(PASSWORD);
  });
});

test("the engine gets every node with its directives and the digest of its redis.conf", () => {
  const spec = specOf(good, NOTHING_INHERITED, "5.0.6");
  expect(spec.version).toBe("5.0.6");
  expect(spec.shards).toEqual([{ weight: 1 }, { weight: 1 }, { weight: 1 }]);
  expect(spec.nodes.map((node) => node.name)).toEqual(good.nodes.map((node) => node.name));
  for (const node of spec.nodes) {
    expect(node.configSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(node.directives["cluster-node-timeout"]).toBe("5000");
  }
  expect(new Set(spec.nodes.map((node) => node.configSha256)).size).toBe(spec.nodes.length);
  expect(contradictions(good)).toEqual([]);
});

test("Pulumi's schema has the fields that are checked, and secrets are marked", () => {
  const schema = packageSchema("1.2.3") as {
    resources: Record<
      string,
      { inputProperties: Record<string, { secret?: boolean }>; requiredInputs: string[] }
    >;
  };
  const resource = schema.resources[TOPOLOGY_TYPE];
  expect(Object.keys(resource?.inputProperties ?? {}).toSorted()).toEqual(
    Object.keys(declarationSchema.shape).toSorted(),
  );
  const optional = Object.entries(declarationSchema.shape)
    .filter(([, field]) => field.safeParse(undefined).success)
    .map(([name]) => name);
  expect(resource?.requiredInputs.filter((name) => optional.includes(name))).toEqual([]);
  expect(resource?.requiredInputs).toHaveLength(
    Object.keys(declarationSchema.shape).length - optional.length,
  );
  const secrets = Object.entries(resource?.inputProperties ?? {}).filter(([, property]) => property.secret);
  expect(secrets.map(([name]) => name).toSorted()).toEqual(["files", "password", "ssh"]);
});

function first() {
  const [node] = good.nodes;
  if (node === undefined) throw new Error("no node");
  return node;
}

function second() {
  const [, node] = good.nodes;
  if (node === undefined) throw new Error("no second node");
  return node;
}
