/** `RedisCluster` as Pulumi's schema has it: inputs from the zod schema that checks them, so that no language can differ. */
import { z } from "zod";
import { fieldMeta } from "../config/field-meta";
import { stackSchema } from "../config/schema";
import { PACKAGE } from "./types";

/** A JSON schema or a part of one; Pulumi's schema is made of the same words. */
type Json = { readonly [key: string]: unknown };

export interface ComponentSchema {
  readonly resource: Json;
  /** What it refers to, by token. */
  readonly types: Readonly<Record<string, Json>>;
}

const ANY: Json = { $ref: "pulumi.json#/Any" };
const TEXT: Json = { type: "string" };

/** Inputs that the component has and a stack's configuration has not. */
const OWN_INPUTS: Readonly<Record<string, Json>> = {
  purgeOnDestroy: {
    type: "boolean",
    plain: true,
    description: "Whether `pulumi destroy` deletes the data too. Default: it is kept.",
  },
};

const CONNECT: Readonly<Record<string, string>> = {
  auth: "How the password gets into the environment of the others, as a shell command.",
  redisCli: "redis-cli's command line.",
  pythonRediscluster: "Python code for the package redis-py-cluster.",
  pythonRedis: "Python code for the package redis, 4.1 and later.",
  ioredis: "JavaScript for the package ioredis.",
};

const OUTPUTS: Readonly<Record<string, Json>> = {
  endpoints: { type: "array", items: TEXT, description: "host:port of every node, ordered by shard." },
  nodes: {
    type: "array",
    items: reference("NodeStatus"),
    description: "Every node as the cluster showed it last.",
  },
  password: { ...TEXT, secret: true, description: "Password of every node." },
  connect: { ...reference("Connect"), description: "Ready-to-paste ways into the cluster." },
  drift: {
    type: "array",
    items: TEXT,
    description: "What the last refresh found not to be as declared. Empty right after an up.",
  },
  scrapeTargets: {
    type: "array",
    items: reference("ScrapeTargets"),
    description: "The nodes' exporters as Prometheus's file_sd takes them; empty where monitoring is off.",
  },
  declaration: {
    ...TEXT,
    secret: true,
    description:
      "The declaration as JSON, for `redis-cluster-kit --declaration FILE`: with the password and, where they were given, sshPrivateKey and sudoPassword. Export it only where those commands are used.",
  },
};

export function componentSchema(): ComponentSchema {
  const types: Record<string, Json> = {
    [token("Connect")]: {
      type: "object",
      properties: Object.fromEntries(
        Object.entries(CONNECT).map(([name, description]) => [name, { ...TEXT, description }]),
      ),
      required: Object.keys(CONNECT),
    },
    [token("ScrapeTargets")]: {
      type: "object",
      properties: {
        targets: { type: "array", items: TEXT, description: "host:port of an exporter." },
        labels: { type: "object", additionalProperties: TEXT, description: "cluster, shard, node, zone." },
      },
      required: ["targets", "labels"],
    },
  };
  const resource = {
    isComponent: true,
    description:
      "A Redis Cluster with its shards, replicas and settings. A preview shows what a change does to the data.",
    inputProperties: { ...stackInputs(types), ...OWN_INPUTS },
    requiredInputs: ["password"],
    properties: OUTPUTS,
    required: Object.keys(OUTPUTS),
  };
  return { resource, types };
}

function stackInputs(types: Record<string, Json>): Record<string, Json> {
  const described = z.toJSONSchema(stackSchema, { io: "input" }).properties ?? {};
  return Object.fromEntries(
    Object.entries(stackSchema.shape).map(([key, field]) => {
      const { description, default: initial, ...rest } = { ...(described[key] as Json) };
      const meta = fieldMeta.get(field);
      if (meta === undefined) throw new Error(`the schema says nothing about ${key}`);
      const sentences = [`${String(description)} Change: ${meta.change}.`, defaultText(key, meta, initial)];
      // A secret may be promised, the shape of a cluster may not: a preview shows what happens to it.
      const kind = meta.secret === true ? { secret: true } : { plain: true };
      return [key, { ...typeOf(rest, capital(key), types), ...kind, description: sentences.join(" ") }];
    }),
  );
}

function defaultText(key: string, meta: { readonly computedDefault?: string }, initial: unknown): string {
  // `npm run up` of this repository generates one; a program names its own.
  if (key === "password") return "Required.";
  return `Default: ${meta.computedDefault ?? (initial === undefined ? "none" : JSON.stringify(initial))}.`;
}

/** Of a JSON schema what Pulumi has a word for: its checks stay with the component, which names every problem and its cure. */
function typeOf(schema: Json, name: string, types: Record<string, Json>): Json {
  const { type, items, properties, anyOf, required } = schema as {
    type?: string;
    items?: Json;
    properties?: Record<string, Json>;
    anyOf?: Json[];
    required?: string[];
  };
  if (anyOf !== undefined) return { oneOf: anyOf.map((one) => plain(typeOf(one, name, types))) };
  if (type === "array") return { type, items: plain(typeOf(items ?? {}, `${name}Item`, types)) };
  if (properties !== undefined) {
    const inner = Object.entries(properties).map(([key, part]) => [
      key,
      plain(typeOf(part, `${name}${capital(key)}`, types)),
    ]);
    types[token(name)] = {
      type: "object",
      properties: Object.fromEntries(inner),
      required: required ?? [],
    };
    return reference(name);
  }
  if (type === "object") return { type, additionalProperties: ANY };
  return type === undefined ? ANY : { type };
}

function plain(schema: Json): Json {
  return { ...schema, plain: true };
}

function capital(key: string): string {
  return `${key.charAt(0).toUpperCase()}${key.slice(1)}`;
}

function token(name: string): string {
  return `${PACKAGE}:index:${name}`;
}

function reference(name: string): Json {
  return { $ref: `#/types/${token(name)}` };
}
