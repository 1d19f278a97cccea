/**
 * The documentation comments of the component's arguments against the schemas that check them: the same names, what must be
 * given, and every default. An editor shows the comments, and nobody sees when they part from the code.
 */
import * as ts from "typescript";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { awsSchema } from "../../../config/aws/schema";
import { backupSchema } from "../../../config/backup";
import { monitoringSchema } from "../../../config/monitoring";
import { stackSchema } from "../../../config/schema";
import { sshSchema } from "../../../config/ssh";
import { packageSchema } from "../../../provider/schema";
import { REDIS_CLUSTER_TYPE } from "../../../provider/types";
import { parseFile } from "../../support/house/sources";

const FILES = ["components/redis-cluster-args.ts", "components/aws-args.ts"];

interface Argument {
  readonly name: string;
  readonly isOptional: boolean;
  /** Comment without its tags. */
  readonly text: string;
  /** Text of the tag `@default`. */
  readonly initial: string | undefined;
}

function argumentsOf(interfaceName: string): Argument[] {
  const statements = FILES.flatMap((file) => [...parseFile(file).statements]);
  const found = statements.filter(ts.isInterfaceDeclaration).find(({ name }) => name.text === interfaceName);
  if (found === undefined) throw new Error(`there is no interface ${interfaceName}`);
  return found.members.filter(ts.isPropertySignature).map((member) => {
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
    const [comment] = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc);
    return {
      name: member.name.getText(),
      isOptional: member.questionToken !== undefined,
      text: ts.getTextOfJSDocComment(comment?.comment) ?? "",
      initial: ts.getTextOfJSDocComment(tag?.comment)?.trim(),
    };
  });
}

/** What a `@default` that is a value says; undefined for a sentence. */
function valueIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const CASES: readonly (readonly [string, z.ZodObject])[] = [
  ["RedisClusterArgs", stackSchema],
  ["SshArgs", sshSchema],
  ["SshServerArgs", sshSchema.shape.servers.element],
  ["MonitoringArgs", monitoringSchema],
  ["BackupArgs", backupSchema],
  ["AwsArgs", awsSchema],
];

/** Of the component alone. */
const OWN = ["purgeOnDestroy"];

describe.each(CASES)("%s", (name, schema) => {
  const documented = argumentsOf(name).filter((argument) => !OWN.includes(argument.name));

  test("has the keys of the schema", () => {
    expect(documented.map((argument) => argument.name).toSorted()).toEqual(
      Object.keys(schema.shape).toSorted(),
    );
  });

  test("says something of every argument, and of every optional one its default", () => {
    const silent = documented.filter(({ text }) => text.length < 10);
    expect(silent.map((argument) => argument.name)).toEqual([]);
    const open = documented.filter(({ isOptional, initial = "" }) => isOptional !== initial.length > 0);
    expect(open.map((argument) => argument.name)).toEqual([]);
  });

  test("has the schema's defaults", () => {
    const optional = documented.filter(({ isOptional }) => isOptional);
    const told = optional.map(({ name: key, initial = "" }) => [key, valueIn(initial)]);
    const real = optional.map(({ name: key }) => [
      key,
      (schema.shape[key] as z.ZodType).safeParse(undefined).data,
    ]);
    expect(told).toEqual(real);
  });
});

test("what must be given is the same in TypeScript and in the schema for other languages", () => {
  const schema = packageSchema("1.2.3") as {
    types: Record<string, { required?: string[] }>;
    resources: Record<string, { requiredInputs: string[] }>;
  };
  const required = (name: string) =>
    argumentsOf(name)
      .filter(({ isOptional }) => !isOptional)
      .map((argument) => argument.name)
      .toSorted();
  const inSchema = (name: string) => schema.types[`redis-cluster-kit:index:${name}`]?.required?.toSorted();
  expect(required("RedisClusterArgs")).toEqual(schema.resources[REDIS_CLUSTER_TYPE]?.requiredInputs);
  expect(required("SshArgs")).toEqual(inSchema("Ssh"));
  expect(required("SshServerArgs")).toEqual(inSchema("SshServersItem"));
  expect(required("MonitoringArgs")).toEqual(inSchema("Monitoring"));
  expect(required("BackupArgs")).toEqual(inSchema("Backup"));
  expect(required("AwsArgs")).toEqual(inSchema("Aws"));
  expect(required("AwsSubnetArgs")).toEqual(inSchema("AwsSubnets"));
});

test("the comparison sees another default, and a default that is not told", () => {
  expect(valueIn("3")).toBe(3);
  expect(valueIn('["a", "b"]')).toEqual(["a", "b"]);
  expect(valueIn("none: one is made")).toBeUndefined();
  const shards = argumentsOf("RedisClusterArgs").find(({ name }) => name === "shards");
  expect(shards?.initial).toBe("3");
  expect(shards?.text).toMatch(/^Number of shards/);
});
