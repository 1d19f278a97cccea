/** The stack configuration as a zod schema. The reference in docs/ and the JSON schema of the stack files come from here. */
import { z } from "zod";
import { aws } from "./aws/key";
import { backupKeys } from "./backup";
import { fieldMeta } from "./field-meta";
import { monitoring } from "./monitoring";
import { ssh, sshPrivateKey, sudoPassword } from "./ssh";

/** Versions accepted where the caller names none: every version of these lines. */
export const SUPPORTED_LINES: readonly string[] = ["5.0", "6.2", "7.0"];

export const DEFAULTS = {
  target: "local",
  shards: 3,
  replicasPerShard: 1,
  zones: ["a", "b", "c"],
  host: "127.0.0.1",
  basePort: 7000,
  redisVersion: "5.0.14",
  maxMigrationImpact: "normal",
  keepPreviousPassword: false,
  failback: false,
  acceptDataLoss: false,
} as const;

/** A switch that is off unless declared. */
function flag(
  name: "keepPreviousPassword" | "failback" | "acceptDataLoss",
  description: string,
  change: string,
) {
  return z
    .boolean()
    .default(DEFAULTS[name])
    .describe(description)
    .register(fieldMeta, {
      kind: "flag",
      expected: "true or false",
      cure: `pulumi config set ${name} false`,
      change,
    });
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ABSOLUTE_PATH = /^\/[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}/]\/?$/u;

const name = z
  .string()
  .regex(NAME)
  .optional()
  .describe("Name of the cluster. Part of the data directory's path.")
  .register(fieldMeta, {
    kind: "text",
    expected: "1 to 63 letters, digits, dots, dashes or underscores, beginning with a letter or digit",
    cure: "pulumi config set name my-cluster",
    change: "refused while the cluster exists: another name is another cluster, with empty nodes",
    computedDefault: "`<project>-<stack>`",
  });

const target = z
  .enum(["local", "ssh", "aws"])
  .default(DEFAULTS.target)
  .describe(
    "Where the nodes run. `local`: every node is a process on this machine. `ssh`: on servers that you have, see `ssh`. `aws`: on servers in AWS that the kit creates, see `aws`.",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: '"local", "ssh" or "aws"',
    cure: "pulumi config set target local",
    change: "not possible on a running cluster",
  });

const shards = z
  .int()
  .min(3)
  .max(50)
  .default(DEFAULTS.shards)
  .describe(
    "Number of shards, each with one primary; three for a majority. On `ssh` the servers say how many: left out, as many as they fill.",
  )
  .register(fieldMeta, {
    kind: "integer",
    expected: "a whole number from 3 to 50",
    cure: "pulumi config set shards 3",
    change: "slots move live to new shards, or away from those that leave; no key is lost, nothing stops",
  });

const replicasPerShard = z
  .int()
  .min(0)
  .max(5)
  .default(DEFAULTS.replicasPerShard)
  .describe("Replicas of every primary. With 0 a failed node takes its slots with it.")
  .register(fieldMeta, {
    kind: "integer",
    expected: "a whole number from 0 to 5",
    cure: "pulumi config set replicasPerShard 1",
    change: "replicas are added or removed live",
  });

const zones = z
  .array(z.string().regex(NAME))
  .min(1)
  .max(26)
  .refine((list) => new Set(list).size === list.length)
  .default([...DEFAULTS.zones])
  .describe(
    "Failure zones, in order: it decides who goes where. A primary and its replicas are put into different ones. `local`: only names. `ssh`: every server says its own, and these are the ones that are allowed; left out, the servers'. `aws`: zones of the region, by letter or name.",
  )
  .register(fieldMeta, {
    kind: "texts",
    expected: "1 to 26 different names of letters, digits, dots, dashes or underscores",
    cure: 'pulumi config set --path "zones[0]" a, or zones: [a, b, c] in the stack file',
    change: "`local`: only names change. `ssh`: nothing by itself. `aws`: refused, also for one more",
  });

const host = z
  .ipv4()
  .refine((address) => address !== "0.0.0.0" && address !== "255.255.255.255")
  .default(DEFAULTS.host)
  .describe(
    "IPv4 address of this machine that the nodes listen on and announce to each other and to clients.",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: "one IPv4 address of this machine (no name: Redis Cluster announces addresses)",
    cure: "pulumi config set host 127.0.0.1",
    change: "refused while the cluster exists",
  });

const basePort = z
  .int()
  .min(1024)
  .max(55_535)
  .default(DEFAULTS.basePort)
  .describe(
    "Data port of the first node; the others follow (7000-7002 primaries, 7003-7005 replicas). Every node also uses its data port + 10000.",
  )
  .register(fieldMeta, {
    kind: "integer",
    expected: "a port from 1024 to 55535 (the bus port, 10000 higher, must be at most 65535)",
    cure: "pulumi config set basePort 7000",
    change: "refused while the cluster exists",
  });

const dataDirectory = z
  .string()
  .regex(ABSOLUTE_PATH)
  .max(1000)
  .transform((path) => path.replace(/\/$/, ""))
  .optional()
  .describe("Folder of the nodes' data, one folder a node. Absolute path.")
  .register(fieldMeta, {
    kind: "text",
    expected: "an absolute path, not /, without control characters",
    cure: 'pulumi config set dataDirectory "$HOME/redis-data"',
    change: "refused while the cluster exists",
    computedDefault: "`clusters/<name>` in the user's data folder",
  });

const redisVersion = z
  .string()
  .regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/)
  .default(DEFAULTS.redisVersion)
  .describe("Redis version of every node.")
  .register(fieldMeta, {
    kind: "text",
    expected: 'a version of three numbers, in quotes: "5.0.14"',
    cure: `pulumi config set redisVersion ${DEFAULTS.redisVersion}`,
    change: "nodes restart one at a time with the new version, replicas first",
  });

const redisSource = z
  .string()
  .regex(/^(https?:\/\/[^\s\p{Cc}\p{Cs}@]+|\/[^\p{Cc}\p{Cs}]+)$/u)
  .optional()
  .describe(
    "Your own Redis: absolute path or http(s) URL of a source tarball, or path of a source folder or redis-server.",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: "an absolute path, or an http(s) URL without user name and password",
    cure: "pulumi config set redisSource /path/to/redis-5.0.14.tar.gz",
    change: "as redisVersion",
    computedDefault: "none: the kit fetches `redisVersion`",
  });

const redisSourceSha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/)
  .transform((digest) => digest.toLowerCase())
  .optional()
  .describe("sha256 of redisSource. Required for a URL.")
  .register(fieldMeta, {
    kind: "text",
    expected: "64 hexadecimal digits",
    cure: "pulumi config set redisSourceSha256 $(sha256sum FILE | cut -c1-64)",
    change: "none by itself",
    computedDefault: "none",
  });

const password = z
  .string()
  .optional()
  .describe("Password of every node, for clients and among the nodes. A Pulumi secret.")
  .register(fieldMeta, {
    kind: "text",
    expected: "8 to 512 bytes without control characters, not only spaces",
    cure: "openssl rand -hex 32 | pulumi config set --secret password",
    change: "rotated live: connections stay up, new ones need the new password",
    computedDefault: "generated by the first `npm run up`",
    secret: true,
  });

const weights = z
  .array(z.number().positive().finite())
  .optional()
  .describe(
    "Share of the slots per shard, one positive number a shard: `[2, 1, 1]` gives the first shard half of them.",
  )
  .register(fieldMeta, {
    kind: "numbers",
    expected: "one positive number a shard",
    cure: "pulumi config rm weights, or weights: [1, 1, 1] in the stack file",
    change: "slots move live until the shares are right",
    computedDefault: "the same for every shard",
  });

const redis = z
  .record(z.string(), z.unknown())
  .default({})
  .describe("redis.conf directives for every node, by name. They override the kit's defaults.")
  .register(fieldMeta, {
    kind: "record",
    expected: "directives by name, e.g. {maxmemory: 64mb}",
    cure: 'pulumi config set --path "redis.maxmemory" 64mb, or a mapping under redis: in the stack file',
    change: "set live where Redis can, otherwise by restarting the nodes one at a time, replicas first",
  });

const maxMigrationImpact = z
  .union([z.enum(["low", "normal", "high"]), z.number().min(1).max(100)])
  .default(DEFAULTS.maxMigrationImpact)
  .describe(
    "How much of a server's time moving slots may take: low (20 %), normal (60 %), high (100 %), or a number of percent.",
  )
  .register(fieldMeta, {
    kind: "impact",
    expected: "low, normal, high, or a number from 1 to 100",
    cure: "pulumi config set maxMigrationImpact low",
    change: "nothing by itself; the next move of slots keeps to it",
  });

const keepPreviousPassword = flag(
  "keepPreviousPassword",
  "While true, a changed `password` opens connections beside the one before it (Redis 6.0 and later): time for clients to change over. False again ends it.",
  "the previous password is accepted, or no longer accepted",
);

const failback = flag(
  "failback",
  "Whether the preferred primaries (shard-N-a) get their shards back where one zone would otherwise hold more primaries than declared.",
  "planned failovers, without a lost write",
);

const acceptDataLoss = flag(
  "acceptDataLoss",
  "Whether a shard of which every node has lost its disk is given new, empty nodes. Until it is true such a cluster is left alone. Set it back afterwards.",
  "the lost shard's slots are served again, empty",
);

/** Every key of a stack. Which of them a target knows: `foreignKeys` of ssh-target.ts. */
export const stackSchema = z.strictObject({
  target,
  name,
  shards,
  replicasPerShard,
  zones,
  host,
  basePort,
  dataDirectory,
  redisVersion,
  redisSource,
  redisSourceSha256,
  password,
  weights,
  redis,
  maxMigrationImpact,
  keepPreviousPassword,
  failback,
  acceptDataLoss,
  ssh,
  sshPrivateKey,
  sudoPassword,
  aws,
  monitoring,
  ...backupKeys,
});

/** What the keys of a stack are after the coercion of text. */
export type StackValues = z.output<typeof stackSchema>;
