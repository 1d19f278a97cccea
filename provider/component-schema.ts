/** `RedisCluster` as Pulumi's schema has it, for stacks in other languages. */
import { componentInputs, type Json, reference, token } from "./component-inputs";

export interface ComponentSchema {
  readonly resource: Json;
  /** What it refers to, by token. */
  readonly types: Readonly<Record<string, Json>>;
}

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
  clientSecurityGroupId: {
    ...TEXT,
    description:
      "Target aws: the security group for applications: its members may reach Redis. Empty elsewhere.",
  },
  vpcId: { ...TEXT, description: "Target aws: the network that the nodes are in. Empty elsewhere." },
  privateSubnetIds: {
    type: "array",
    items: TEXT,
    description: "Target aws: the nodes' subnets in it, in the order of the zones. Empty elsewhere.",
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
    inputProperties: { ...componentInputs(types), ...OWN_INPUTS },
    requiredInputs: ["password"],
    properties: OUTPUTS,
    required: Object.keys(OUTPUTS),
  };
  return { resource, types };
}
