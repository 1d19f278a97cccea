/** The package as Pulumi's schema, for stacks in other languages: https://www.pulumi.com/docs/iac/extending-pulumi/schema */
import { componentSchema } from "./component-schema";
import { PACKAGE, REDIS_CLUSTER_TYPE, TOPOLOGY_TYPE } from "./types";

type Property = Record<string, unknown>;

const text = (description: string): Property => ({ type: "string", description });
const flag = (description: string): Property => ({ type: "boolean", description });
const integer = (description: string): Property => ({ type: "integer", description });
const listOf = (items: Property, description: string): Property => ({ type: "array", items, description });
const mapOf = (values: Property, description: string): Property => ({
  type: "object",
  additionalProperties: values,
  description,
});
const secret = (property: Property): Property => ({ ...property, secret: true });
const reference = (name: string): Property => ({ $ref: `#/types/${PACKAGE}:index:${name}` });
const TEXT: Property = { type: "string" };

const NODE: Record<string, Property> = {
  name: text("Unique name; the node's identity in declarations."),
  host: text("IPv4 address that the node announces."),
  port: integer("Data port."),
  busPort: integer("Cluster bus port."),
  shard: integer("Index of the shard, from 0."),
  member: integer("0 is the preferred primary of the shard, 1 and up are replicas."),
  zone: text("Failure zone."),
};

const NODE_STATUS: Record<string, Property> = {
  ...NODE,
  role: text('"primary" or "replica".'),
  id: text("Redis node id."),
};

const INPUTS: Record<string, Property> = {
  name: text("Name of the cluster. Cannot change."),
  target: text('Where the nodes run: "local", "ssh" or "aws". Cannot change.'),
  nodes: listOf(reference("DeclaredNode"), "Every node, ordered by shard, then member."),
  weights: listOf({ type: "number" }, "Share of the slots per shard, one positive number a shard."),
  replicasPerShard: integer("Replicas of every primary."),
  directives: mapOf(
    TEXT,
    "redis.conf directives of every node, without secrets, as CONFIG GET answers them.",
  ),
  liveDirectives: listOf(TEXT, "Those of the directives that CONFIG SET can change."),
  nodeTimeoutMs: integer("cluster-node-timeout, in ms."),
  redisVersion: text('Redis version of every node, e.g. "5.0.14".'),
  redisSource: text("Path or address of the user's own Redis."),
  redisSourceSha256: text("sha256 of redisSource."),
  dataDirectory: text("Absolute folder of the nodes' data. Cannot change."),
  ssh: secret(
    mapOf({ $ref: "pulumi.json#/Any" }, "How the servers are reached; with every target but local."),
  ),
  password: secret(text("Password of every node, for clients and among the nodes.")),
  files: secret(mapOf(TEXT, "The whole redis.conf of every node, by node name.")),
  maxMigrationImpact: {
    oneOf: [TEXT, { type: "number" }],
    description:
      'Share of a server\'s time that moving slots may take: "low", "normal", "high" or percent. Default "normal".',
  },
  keepPreviousPassword: flag(
    "Whether the password before a changed one goes on opening connections (Redis 6.0 and later).",
  ),
  failback: flag("Whether preferred primaries get their shards back where zones would otherwise be uneven."),
  acceptDataLoss: flag("Whether a shard without any data left is given empty nodes."),
  monitoring: mapOf({ $ref: "pulumi.json#/Any" }, "Exporters and their ports; where monitoring is on."),
  backup: mapOf({ $ref: "pulumi.json#/Any" }, "Where backups go, when, and how many are kept."),
  restore: text("The backup that a new cluster begins with. Refused where the cluster has keys."),
  protected: flag("Whether destroy is refused. Default: it is not."),
  purgeOnDestroy: flag("Whether destroy deletes the data too. Default: it is kept."),
};

const OPTIONAL_INPUTS = [
  "ssh",
  "redisSource",
  "redisSourceSha256",
  "maxMigrationImpact",
  "keepPreviousPassword",
  "failback",
  "acceptDataLoss",
  "monitoring",
  "backup",
  "restore",
  "protected",
  "purgeOnDestroy",
];

const OUTPUTS: Record<string, Property> = {
  nodes: listOf(reference("NodeStatus"), "Every node as the cluster showed it last."),
  endpoints: listOf(TEXT, "host:port of every node, ordered by shard."),
  redisVersion: text("Redis version that the nodes run."),
  restored: text("The backup that the cluster began with; empty where there was none."),
  drift: listOf(TEXT, "What the last refresh found not to be as declared. Empty right after an up."),
  leaving: listOf(
    reference("DeclaredNode"),
    "Nodes of earlier declarations that a failed run could not remove yet.",
  ),
  previousPasswords: secret(listOf(TEXT, "Passwords that some node may still have after a failed run.")),
  hostKeys: mapOf(
    TEXT,
    "Host keys of the servers, given or learned at the first contact. Another one stops everything.",
  ),
  formerServers: mapOf({ $ref: "pulumi.json#/Any" }, "Ways to the servers of `leaving`."),
};

/** `version` is the package's. */
export function packageSchema(version: string): object {
  const component = componentSchema();
  return {
    name: PACKAGE,
    displayName: "Redis Cluster Kit",
    version,
    description: "A Redis Cluster as one declaration: created, changed, healed and verified.",
    license: "Apache-2.0",
    types: {
      [`${PACKAGE}:index:DeclaredNode`]: { type: "object", properties: NODE, required: Object.keys(NODE) },
      [`${PACKAGE}:index:NodeStatus`]: {
        type: "object",
        properties: NODE_STATUS,
        required: Object.keys(NODE_STATUS),
      },
      ...component.types,
    },
    resources: {
      [REDIS_CLUSTER_TYPE]: component.resource,
      [TOPOLOGY_TYPE]: {
        description: "One declared Redis Cluster over servers that are there.",
        inputProperties: INPUTS,
        requiredInputs: Object.keys(INPUTS).filter((name) => !OPTIONAL_INPUTS.includes(name)),
        properties: OUTPUTS,
        required: Object.keys(OUTPUTS),
      },
    },
    // The generated SDKs need not be published: `pulumi package add` links the one that it makes.
    language: { nodejs: { respectSchemaVersion: true }, python: { respectSchemaVersion: true } },
  };
}
