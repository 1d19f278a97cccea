/** Components for stacks in other languages: what the plugin forwards, to whom, and what becomes of errors. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { ConstructRequest } from "@pulumi/pulumi/proto/provider_pb";
import { afterEach, describe, expect, test } from "vitest";
import { awsSchema } from "../../../config/aws/schema";
import { stackSchema } from "../../../config/schema";
import { ComponentConstructor } from "../../../provider/construct";
import { packageSchema } from "../../../provider/schema";
import { REDIS_CLUSTER_TYPE } from "../../../provider/types";
import { ROOT } from "../../support/house/sources";

let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends) end();
  ends = [];
});

/** A provider of Pulumi's own kind, of these lines. */
function forwarding(lines: string): ComponentConstructor {
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-construct-"));
  const file = join(folder, "server.cjs");
  writeFileSync(file, lines);
  const forwarder = new ComponentConstructor({
    engine: () => "127.0.0.1:1",
    command: [process.execPath, file],
    maxMessageBytes: 4 * 1024 * 1024,
  });
  ends.push(() => {
    forwarder.stop();
    rmSync(folder, { recursive: true });
  });
  return forwarder;
}

const request = (type: string) => new ConstructRequest().setType(type).setName("cache");

/** A gRPC server without Pulumi's SDK: answers with the request's type, or refuses. Prints how often it was started. */
const SERVER = `
const grpc = require(${JSON.stringify(join(ROOT, "node_modules/@grpc/grpc-js"))});
const { ResourceProviderService } = require(${JSON.stringify(join(ROOT, "node_modules/@pulumi/pulumi/proto/provider_grpc_pb"))});
const { ConstructResponse } = require(${JSON.stringify(join(ROOT, "node_modules/@pulumi/pulumi/proto/provider_pb"))});
const server = new grpc.Server();
server.addService(ResourceProviderService, {
  construct(call, callback) {
    if (call.request.getType() === "refused") {
      const metadata = new grpc.Metadata();
      metadata.set("more-bin", Buffer.from("details"));
      return callback({ code: grpc.status.INVALID_ARGUMENT, details: "shards: 2", metadata });
    }
    callback(null, new ConstructResponse().setUrn(process.pid + " " + process.argv.at(-1)));
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => console.log(port));
process.stdin.on("end", () => process.exit()).resume();
`;

describe("the process that makes components", () => {
  test("is one for many requests at once, and gets the engine's address", async () => {
    const forwarder = forwarding(SERVER);
    const answers = await Promise.all([1, 2, 3].map(() => forwarder.construct(request("a"))));
    const urns = answers.map((answer) => answer.getUrn());
    expect(new Set(urns).size).toBe(1);
    expect(urns[0]).toMatch(/^\d+ 127\.0\.0\.1:1$/);
  });

  test("has its errors passed on with code and details", async () => {
    await expect(forwarding(SERVER).construct(request("refused"))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "shards: 2",
    });
  });

  test("that ends is started anew by the next request", async () => {
    const forwarder = forwarding(SERVER);
    const first = (await forwarder.construct(request("a"))).getUrn();
    process.kill(Number(first.split(" ")[0]));
    // The call that meets the ended one may fail; the one after it must not.
    await expect
      .poll(
        () =>
          forwarder.construct(request("a")).then(
            (answer) => answer.getUrn(),
            () => first,
          ),
        { timeout: 10_000 },
      )
      .not.toBe(first);
  });

  test("that comes to nothing is an error that says so", async () => {
    await expect(forwarding("process.exit(3)").construct(request("a"))).rejects.toThrow(
      "ended with 3 before it told its port",
    );
    await expect(forwarding("console.log('hello')").construct(request("a"))).rejects.toThrow('told "hello"');
  });
});

describe("the component in the package's schema", () => {
  const schema = packageSchema("1.2.3") as {
    types: Record<string, object>;
    resources: Record<string, { inputProperties: Record<string, object>; requiredInputs: string[] }>;
  };
  const inputs = schema.resources[REDIS_CLUSTER_TYPE]?.inputProperties ?? {};

  test("has every key of a stack, with its description and default", () => {
    expect(Object.keys(inputs)).toEqual([...Object.keys(stackSchema.shape), "purgeOnDestroy"]);
    expect(inputs.shards).toMatchObject({ type: "integer", plain: true });
    expect(JSON.stringify(inputs.shards)).toContain("Default: 3.");
    expect(JSON.stringify(inputs.name)).toContain("`<project>-<stack>-<name of the resource>`");
    const texts = Object.values(inputs).map((input) => JSON.stringify(input));
    // Of the stack files' reference, or of this repository's own stack.
    for (const words of ["table below", "npm run up"])
      expect(texts.filter((text) => text.includes(words))).toEqual([]);
  });

  test("has enumerations for what is one of several words, and numbers where a stack file may have text", () => {
    const enumOf = (name: string) => schema.types[`redis-cluster-kit:index:${name}`];
    expect(inputs.target).toMatchObject({ $ref: "#/types/redis-cluster-kit:index:Target" });
    expect(enumOf("Target")).toEqual({
      type: "string",
      enum: [
        { name: "Local", value: "local" },
        { name: "Ssh", value: "ssh" },
        { name: "Aws", value: "aws" },
      ],
    });
    const impact = { $ref: "#/types/redis-cluster-kit:index:MaxMigrationImpact" };
    expect(inputs.maxMigrationImpact).toMatchObject({ oneOf: [impact, { type: "number" }] });
    expect(enumOf("AwsNat")).toMatchObject({ enum: [{}, { name: "PerZone", value: "per-zone" }, {}] });
    expect(enumOf("Ssh")).toMatchObject({
      properties: { port: { type: "integer" }, bind: { $ref: "#/types/redis-cluster-kit:index:SshBind" } },
      required: ["servers"],
    });
    expect(enumOf("Monitoring")).toMatchObject({ properties: { enabled: { type: "boolean" } } });
  });

  test("has every key of target aws with its type, and says which are required", () => {
    const aws = schema.types["redis-cluster-kit:index:Aws"] as {
      properties: Record<string, object>;
      required: string[];
    };
    expect(Object.keys(aws.properties)).toEqual(Object.keys(awsSchema.shape));
    expect(aws.required.toSorted()).toEqual(["region", "sshCidrs", "sshPublicKey"]);
    expect(aws.properties).toMatchObject({
      dataVolumeGib: { type: "integer" },
      sshCidrs: { type: "array", items: { type: "string" } },
      subnets: { additionalProperties: { $ref: "#/types/redis-cluster-kit:index:AwsSubnets" } },
      tags: { type: "object", additionalProperties: { type: "string" } },
      nat: { $ref: "#/types/redis-cluster-kit:index:AwsNat" },
    });
  });

  test("describes every property of every type, and says its default or that it is required", () => {
    const objects = Object.entries(schema.types).flatMap(([name, type]) =>
      Object.entries("properties" in type ? (type.properties as object) : {}).map(
        ([key, property]) =>
          [`${name}.${key}`, property as { description?: string; plain?: boolean }] as const,
      ),
    );
    expect(objects.length).toBeGreaterThan(60);
    expect(
      objects.filter(([, { description = "" }]) => description.length < 5).map(([name]) => name),
    ).toEqual([]);
    const given = objects.filter(([name, { plain }]) => plain === true && !name.includes("AwsSubnets"));
    const silent = given.filter(([, { description = "" }]) => !/Required\.|Default: /.test(description));
    expect(silent.map(([name]) => name)).toEqual([]);
  });

  test("marks secrets, and nothing else, as what may be promised", () => {
    const secrets = Object.keys(inputs).filter((key) => "secret" in (inputs[key] ?? {}));
    expect(secrets).toEqual(["password", "sshPrivateKey", "sudoPassword"]);
    const promised = Object.keys(inputs).filter((key) => !("plain" in (inputs[key] ?? {})));
    expect(promised).toEqual(secrets);
  });

  test("refers to types that are there", () => {
    const references = [...JSON.stringify(schema).matchAll(/"#\/types\/([^"]+)"/g)].map(([, name]) => name);
    expect(references.length).toBeGreaterThan(3);
    expect(references.filter((name) => !Object.hasOwn(schema.types, name ?? ""))).toEqual([]);
  });
});
