/** The inputs of `RedisCluster` in Pulumi's schema: from the zod schemas that check them, so that no language can differ. */
import { z } from "zod";
import { awsSchema } from "../config/aws/schema";
import { BACKUP_PARTS, backupSchema } from "../config/backup";
import { fieldMeta } from "../config/field-meta";
import { MONITORING_PARTS, monitoringSchema } from "../config/monitoring";
import { describeParts } from "../config/parts";
import { stackSchema } from "../config/schema";
import { SSH_PARTS, sshSchema } from "../config/ssh";
import { PACKAGE } from "./types";

/** A JSON schema or a part of one; Pulumi's schema is made of the same words. */
export type Json = { readonly [key: string]: unknown };

/** What is read of a JSON schema that zod made. */
interface Shape {
  readonly type?: string;
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly description?: string;
}

const ANY: Json = { $ref: "pulumi.json#/Any" };

/** What is otherwise for a program than for a stack's configuration. */
const OWN_DEFAULTS: Readonly<Record<string, string>> = {
  password: "Required.",
  name: "Default: `<project>-<stack>-<name of the resource>`.",
  redis: "Default: the kit's own, listed in docs/configuration.md.",
};

/** Without these a cluster in AWS is refused; one by one they have no default. */
const AWS_REQUIRED: readonly string[] = ["aws.region", "aws.sshPublicKey", "aws.sshCidrs"];

/** One property a key of a stack. What they refer to is added to `types`. */
export function componentInputs(types: Record<string, Json>): Record<string, Json> {
  const converter = new Converter(types, { ...describedFields(awsSchema, "aws."), ...describedMappings() });
  const described = describedFields(stackSchema, "");
  return Object.fromEntries(
    Object.entries(shapesOf(stackSchema)).map(([key, shape]) => {
      // A secret may be promised, the shape of a cluster may not: a preview shows what happens to it.
      const isSecret = metaOf(stackSchema, key).secret === true;
      const kind = isSecret ? { secret: true } : { plain: true };
      const whole = key === "aws" ? awsShape() : shape;
      return [key, { ...converter.convert(whole, key), ...kind, description: described[key] }];
    }),
  );
}

function awsShape(): Shape {
  const required = AWS_REQUIRED.map((path) => path.replace("aws.", ""));
  return { type: "object", properties: shapesOf(awsSchema), required };
}

function shapesOf(schema: z.ZodObject): Readonly<Record<string, Shape>> {
  return (z.toJSONSchema(schema, { io: "input" }) as Shape).properties ?? {};
}

function metaOf(schema: z.ZodObject, key: string) {
  const meta = fieldMeta.get(schema.shape[key] as z.ZodType);
  if (meta === undefined) throw new Error(`the schema says nothing about ${key}`);
  return meta;
}

/** What is said of each key, by its path. */
function describedFields(schema: z.ZodObject, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(shapesOf(schema)).map(([key, { description = "" }]) => {
      const { change, computedDefault } = metaOf(schema, key);
      const initial = (schema.shape[key] as z.ZodType).safeParse(undefined).data;
      const value = computedDefault ?? (initial === undefined ? "none" : JSON.stringify(initial));
      const path = `${prefix}${key}`;
      const own = AWS_REQUIRED.includes(path) ? "Required." : OWN_DEFAULTS[path];
      return [path, `${description} Change: ${change}. ${own ?? `Default: ${value}.`}`];
    }),
  );
}

function describedMappings(): Record<string, string> {
  const parts = [
    ...describeParts("ssh", sshSchema, SSH_PARTS),
    ...describeParts("monitoring", monitoringSchema, MONITORING_PARTS),
    ...describeParts("backup", backupSchema, BACKUP_PARTS),
  ];
  const texts = parts.map(({ path, what, expected, initial }) => [
    path,
    `${what} Expected: ${expected}. ${initial.startsWith("none: it must") ? "Required." : `Default: ${initial}.`}`,
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

/** Of a JSON schema what Pulumi has a word for: checks stay with the component, which names every problem and its cure. */
class Converter {
  constructor(
    private readonly types: Record<string, Json>,
    /** By path, as `describeParts` has it. */
    private readonly texts: Readonly<Record<string, string>>,
  ) {}

  convert(shape: Shape, path: string): Json {
    const { type, items, properties, anyOf, additionalProperties } = shape;
    if (anyOf !== undefined) return this.eitherOf(withoutText(anyOf), path);
    if (shape.enum !== undefined) return this.enumOf(shape.enum, path);
    if (type === "array") return { type, items: plain(this.convert(items ?? {}, `${path}[]`)) };
    if (properties !== undefined) return this.objectOf(properties, shape.required ?? [], path);
    if (type !== "object") return type === undefined ? ANY : { type };
    const values = typeof additionalProperties === "object" ? additionalProperties : {};
    return { type, additionalProperties: plain(this.convert(values, `${path}.*`)) };
  }

  private eitherOf(shapes: readonly Shape[], path: string): Json {
    const [only, ...more] = shapes;
    if (only !== undefined && more.length === 0) return this.convert(only, path);
    return { oneOf: shapes.map((one) => plain(this.convert(one, path))) };
  }

  private enumOf(values: readonly unknown[], path: string): Json {
    const name = typeName(path);
    this.types[token(name)] = {
      type: "string",
      enum: values.map((value) => ({ name: typeName(String(value)), value })),
    };
    return reference(name);
  }

  private objectOf(
    properties: Readonly<Record<string, Shape>>,
    required: readonly string[],
    path: string,
  ): Json {
    const name = typeName(path);
    const inner = Object.entries(properties).map(([key, shape]) => {
      const own = `${path}.${key}`;
      const description = this.texts[own] ?? shape.description;
      if (description === undefined) throw new Error(`nothing is said about ${own}`);
      return [key, { ...plain(this.convert(shape, own)), description }];
    });
    this.types[token(name)] = { type: "object", properties: Object.fromEntries(inner), required };
    return reference(name);
  }
}

/** Numbers and flags that may also be text, as `pulumi config set` writes them: a program has no need of that. */
function withoutText(shapes: readonly Shape[]): readonly Shape[] {
  const isText = ({ type, pattern, enum: values }: Shape) =>
    type === "string" && (pattern !== undefined || values?.includes("true") === true);
  return shapes.filter((shape) => !isText(shape));
}

function plain(schema: Json): Json {
  return { ...schema, plain: true };
}

/** "ssh.servers[].bind" is SshServersItemBind, "per-zone" PerZone. */
function typeName(path: string): string {
  return path
    .replaceAll("[]", ".item")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join("");
}

export function token(name: string): string {
  return `${PACKAGE}:index:${name}`;
}

export function reference(name: string): Json {
  return { $ref: `#/types/${token(name)}` };
}
