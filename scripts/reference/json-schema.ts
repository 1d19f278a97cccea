/** JSON schema of the stack files (Pulumi.<stack>.yaml), for completion and checks in editors. From the zod schema. */
import { z } from "zod";
import { NAMESPACE } from "../../config";
import { awsSchema } from "../../config/aws/schema";
import { BACKUP_PARTS, backupSchema } from "../../config/backup";
import { DIRECTIVES, type Directive, type DirectiveType, LINES, type Line } from "../../config/directives";
import { expectationOf } from "../../config/expect";
import { type FieldKind, type FieldMeta, fieldMeta } from "../../config/field-meta";
import { MONITORING_PARTS, monitoringSchema } from "../../config/monitoring";
import { describeParts } from "../../config/parts";
import { stackSchema } from "../../config/schema";
import { SSH_PARTS, sshSchema } from "../../config/ssh";

/** A JSON schema, or a part of one. */
export type Json = { readonly [key: string]: unknown };

/** Pulumi writes values as text, whatever they were; a secret is an object with its ciphertext. */
const SECRET: Json = { type: "object", required: ["secure"], properties: { secure: { type: "string" } } };

export function stackFileSchema(): Json {
  const keys = Object.keys(stackSchema.shape);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: `Stack file of ${NAMESPACE}`,
    description: "Generated from config/schema.ts. Reference: docs/configuration.md.",
    type: "object",
    properties: {
      secretsprovider: { type: "string", description: "Written by Pulumi." },
      encryptedkey: { type: "string", description: "Written by Pulumi." },
      encryptionsalt: { type: "string", description: "Written by Pulumi." },
      config: {
        type: "object",
        properties: Object.fromEntries(
          Object.entries(fieldSchemas(stackSchema)).map(([key, schema]) => [`${NAMESPACE}:${key}`, schema]),
        ),
        patternProperties: { [`^${NAMESPACE}:(?!(${keys.join("|")})$)`]: false },
      },
    },
  };
}

/** One schema a key, wide enough for what Pulumi makes of a value. */
function fieldSchemas(keys: typeof stackSchema | typeof awsSchema): Record<string, Json> {
  const own = z.toJSONSchema(keys, { io: "input" }).properties ?? {};
  return Object.fromEntries(
    Object.entries(keys.shape).map(([key, schema]) => {
      const meta = fieldMeta.get(schema);
      const { description, default: initial, ...rest } = { ...(own[key] as Json) };
      if (!meta) throw new Error(`the schema says nothing about ${key}`);
      const head = { description: `${String(description)} Change: ${meta.change}.` };
      const tail = initial === undefined ? {} : { default: initial };
      const mapping = mappingSchema(key) ?? withTexts(rest, key);
      return [key, { ...head, ...widen(mapping, meta), ...tail }];
    }),
  );
}

/** What editors show at the parts of `ssh`, `monitoring` and `backup`, by path. */
const TEXTS: ReadonlyMap<string, string> = new Map(
  [
    ...describeParts("ssh", sshSchema, SSH_PARTS),
    ...describeParts("monitoring", monitoringSchema, MONITORING_PARTS),
    ...describeParts("backup", backupSchema, BACKUP_PARTS),
  ].map(({ path, what, expected }) => [path, `${what} Expected: ${expected}.`]),
);

/** The schema with what is said about its parts in it. */
function withTexts(schema: Json, path: string): Json {
  const { properties, items, ...rest } = schema as { properties?: Record<string, Json>; items?: Json };
  const inner = Object.entries(properties ?? {}).map(([key, part]) => {
    const own = `${path}.${key}`;
    const text = TEXTS.get(own);
    return [key, { ...(text === undefined ? {} : { description: text }), ...withTexts(part, own) }];
  });
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: Object.fromEntries(inner) }),
    ...(items === undefined ? {} : { items: withTexts(items, `${path}[]`) }),
  };
}

/** Mappings whose keys have schemas of their own. */
function mappingSchema(key: string): Json | undefined {
  if (key === "redis") return redisSchema();
  if (key !== "aws") return undefined;
  return { type: "object", properties: fieldSchemas(awsSchema), additionalProperties: false };
}

function widen(schema: Json, meta: FieldMeta): Json {
  if (meta.secret) return { anyOf: [SECRET, { type: "string" }] };
  const text = textForm(meta.kind);
  return text ? { anyOf: [schema, text] } : schema;
}

function textForm(kind: FieldKind): Json | undefined {
  switch (kind) {
    case "text":
      return undefined;
    case "integer":
      return { type: "string", pattern: "^\\s*\\d+\\s*$" };
    case "flag":
      return { enum: ["true", "false"] };
    case "texts":
    case "numbers":
    case "record":
    case "impact":
      return { type: "string" };
    default:
      return unknownKind(kind);
  }
}

/** Every directive of every line; those that the kit owns are refused with the reason. */
function redisSchema(): Json {
  const properties = DIRECTIVES.flatMap((entry) => {
    const schema = directiveSchema(entry);
    const aliases = entry.aliases.map(({ name }) => [name, schema] as const);
    return [[entry.name, schema] as const, ...aliases];
  });
  const sorted = properties.sort(([one], [other]) => (one < other ? -1 : 1));
  return { type: "object", properties: Object.fromEntries(sorted), additionalProperties: false };
}

function directiveSchema(entry: Directive): Json {
  if (entry.owned !== undefined) return { not: {}, description: `Written by the kit: ${entry.owned}.` };
  const { expected } = expectationOf(entry.type, "7.0");
  return { description: `${expected} (${linesOf(entry)}; ${liveText(entry)})`, ...valueSchema(entry.type) };
}

function valueSchema(type: DirectiveType): Json {
  switch (type.kind) {
    case "yesno":
      return { enum: ["yes", "no", true, false] };
    case "integer":
      return { type: ["integer", "string"], pattern: "^\\s*-?\\d+\\s*$" };
    case "memory":
      return { type: ["integer", "string"], pattern: "^\\d+([bB]|[kKmMgG][bB]?|%)?$" };
    case "choice":
      return { enum: type.values };
    case "text":
    case "events":
      return { type: "string" };
    case "save":
    case "integers":
    case "percentiles":
      return { type: ["string", "array", "number"] };
    case "buffers":
    case "renames":
      return { type: ["string", "object", "array"] };
    default:
      return unknownKind(type);
  }
}

/** Lines that have a directive under one of its names, e.g. "5.0, 6.2, 7.0". */
export function linesOf(entry: Directive): string {
  const since = Math.min(...[entry.since, ...entry.aliases.map((alias) => alias.since)].map(indexOf));
  const until = entry.until === undefined ? LINES.length : indexOf(entry.until);
  return LINES.slice(since, until).join(", ");
}

/** How a new value reaches a running node. */
export function liveText({ live }: Directive): string {
  if (live === true) return "live";
  if (live === false) return "restart";
  return "from" in live ? `live from ${live.from}` : `live before ${live.until}`;
}

function indexOf(line: Line): number {
  return LINES.indexOf(line);
}

function unknownKind(kind: never): never {
  throw new Error(`unknown kind: ${JSON.stringify(kind)}`);
}
