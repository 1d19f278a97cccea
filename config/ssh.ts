/** The `ssh` key of a stack: servers that the user has, and the way to them. */
import { z } from "zod";
import { type BadPart, type FieldMeta, fieldMeta, type PartMeta } from "./field-meta";

/** `dials`: with the growing pauses between them 40 s where sshd refuses, up to 5 min where nothing answers at all. */
export const SSH_DEFAULTS = {
  user: "root",
  port: 22,
  redisPort: 6379,
  bind: "address",
  install: "source",
  dials: 15,
  exporterListen: "address",
} as const;

/** Folder of the nodes' data on every server. Fixed: unit, limits and backups name it. */
export const SERVER_DATA_DIRECTORY = "/var/lib/redis";

/** Highest data port: the bus port is 10000 higher. */
const MAX_REDIS_PORT = 55_535;

const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(\\.${LABEL})*$`);
const USER = /^[a-z_][a-z0-9_-]{0,31}$/;
const HOST_KEY =
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,4096}={0,2}( [^\p{Cc}]{0,255})?$/u;
const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/;

/** From 1. A number, or a numeral: `pulumi config set --path` writes text. */
function count(max: number) {
  return z
    .union([
      z.int(),
      z
        .string()
        .regex(/^\d{1,5}$/)
        .transform(Number),
    ])
    .pipe(z.int().min(1).max(max));
}

const port = (max = 65_535) => count(max);

function address() {
  return z
    .ipv4()
    .refine((each) => each !== "0.0.0.0" && each !== "255.255.255.255" && !each.startsWith("127."));
}

const hostName = z.string().regex(HOST_NAME);
const user = z.string().regex(USER);
/** As `ssh-keyscan` prints it, without the host; a comment after it is left out. */
export const hostKey = z
  .string()
  .regex(HOST_KEY)
  .transform((line) => line.split(" ").slice(0, 2).join(" "));

const server = z.strictObject({
  name: z.string().regex(NAME),
  host: hostName,
  zone: z.string().regex(NAME),
  user: user.optional(),
  port: port().optional(),
  hostKey: hostKey.optional(),
  address: address().optional(),
  announce: address().optional(),
});

const bastion = z.strictObject({
  host: hostName,
  user: user.optional(),
  port: port().optional(),
  hostKey: hostKey.optional(),
});

export const sshSchema = z.strictObject({
  servers: z.array(server).min(1).max(300),
  user: user.default(SSH_DEFAULTS.user),
  port: port().default(SSH_DEFAULTS.port),
  bastion: bastion.optional(),
  redisPort: port(MAX_REDIS_PORT).default(SSH_DEFAULTS.redisPort),
  bind: z.enum(["address", "all"]).default(SSH_DEFAULTS.bind),
  install: z.enum(["source", "archive", "package"]).default(SSH_DEFAULTS.install),
  dials: count(100).default(SSH_DEFAULTS.dials),
  exporterListen: z.enum(["address", "all", "loopback"]).default(SSH_DEFAULTS.exporterListen),
  exporterFrom: z.array(z.cidrv4()).max(50).default([]),
});

export type SshValues = z.output<typeof sshSchema>;

/** What stands after "expected:" for a part of the `ssh` key, by the last name of its path. */
export const SSH_PARTS: Readonly<Record<string, PartMeta>> = {
  servers: {
    what: "The servers, one node each. List them shard by shard, primary first: their order decides who is whose replica.",
    expected: "a list of 1 to 300 servers, each with name, host and zone",
  },
  name: { what: "Name of the server, and of its node.", expected: "1 to 63 letters, digits, dots or dashes" },
  host: {
    what: "Where its sshd is reached from here, or from the bastion.",
    expected: "a host name or an IPv4 address",
  },
  zone: {
    what: "What fails together. A primary and its replicas are put into different zones.",
    expected: "a zone's name of letters, digits, dots or dashes",
  },
  user: {
    what: "Login user: root, or one that may use sudo. Of a server, of the bastion, or for all.",
    expected: "a user name in lower case",
  },
  port: { what: "Port of sshd.", expected: "a port from 1 to 65535" },
  hostKey: {
    what: "Its public host key. Without one the key is learned at the first contact and pinned.",
    expected: 'a public host key like "ssh-ed25519 AAAAC3Nz..." (ssh-keyscan -t ed25519 HOST)',
    computedDefault: "learned",
  },
  address: {
    what: "IPv4 address that Redis listens on, where `host` is a name or another address.",
    expected: "one IPv4 address of the server",
    computedDefault: "`host`, which is then an address",
  },
  announce: {
    what: "IPv4 address that clients and the other nodes use, where it differs from `address`.",
    expected: "one IPv4 address",
    computedDefault: "`address`",
  },
  bastion: {
    what: "A host that the servers are reached through: host, and where needed user, port, hostKey.",
    expected: "host, and where needed user, port and hostKey",
    computedDefault: "none",
  },
  redisPort: {
    what: "Data port of every node; the bus port is 10000 higher.",
    expected: `a port from 1 to ${MAX_REDIS_PORT}`,
  },
  bind: {
    what: "What Redis listens on: the server's address and loopback (`address`), or every address (`all`).",
    expected: '"address" or "all"',
  },
  exporterListen: {
    what: "What the exporters listen on: the server's address (`address`), every address (`all`), the server itself (`loopback`).",
    expected: '"address", "all" or "loopback"',
  },
  exporterFrom: {
    what: "Networks that may ask the exporters, e.g. `10.0.0.0/8`. Empty: every one.",
    expected: "networks like 10.0.0.0/8",
  },
  dials: {
    what: "Attempts to reach a server for provisioning, with growing pauses: 15 wait about 40 s for a server that boots.",
    expected: "a whole number from 1 to 100",
  },
  install: {
    what: "Where Redis comes from: `source` (built on the server), `archive` (a prebuilt tar.gz, see `redisSource`), `package` (the distribution's).",
    expected: '"source", "archive" or "package"',
  },
};

/** The first bad part of a value, and what was expected there. */
function badPart(value: unknown): BadPart | undefined {
  const issue = sshSchema.safeParse(value).error?.issues[0];
  if (issue === undefined) return undefined;
  const extra = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const full = extra === undefined ? issue.path : [...issue.path, extra];
  const path = full.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  const last = [...full].reverse().find((step) => typeof step === "string") ?? "";
  const expected =
    extra === undefined
      ? (SSH_PARTS[String(last)]?.expected ?? "servers, and what else is needed")
      : "no such key";
  const found = full.reduce<unknown>(
    (at, step) => (typeof at === "object" && at !== null ? Reflect.get(at, step) : undefined),
    value,
  );
  return { path: path.replace(/^\./, ""), expected, found };
}

const meta: FieldMeta = {
  kind: "record",
  expected:
    "servers, each with name, host and zone; user, port, bastion, redisPort, bind, install, dials, exporterListen, exporterFrom where needed",
  cure: "a mapping under ssh: in the stack file, as in Pulumi.staging.yaml",
  change:
    "servers that are added join as shards or replicas, those that leave are drained first; one that is named anew is another server",
  computedDefault: "none",
  badPart,
};

export const ssh = sshSchema
  .optional()
  .describe("Target `ssh`: the servers and the way to them. Its keys are in docs/configuration.md.")
  .register(fieldMeta, meta);

export const sshPrivateKey = z
  .string()
  .regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/)
  .optional()
  .describe(
    "Private key for the servers and the bastion, as text. A Pulumi secret. Without one the ssh agent is asked.",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: "a private key in OpenSSH or PEM form, without a passphrase",
    cure: "pulumi config set --secret sshPrivateKey < ~/.ssh/id_ed25519",
    change: "none on the cluster; the servers must know the new one",
    computedDefault: "the agent of SSH_AUTH_SOCK",
    secret: true,
  });

export const sudoPassword = z
  .string()
  .regex(/^[^\p{Cc}]{1,512}$/u)
  .optional()
  .describe("Password that sudo asks the login user for. A Pulumi secret.")
  .register(fieldMeta, {
    kind: "text",
    expected: "1 to 512 characters on one line",
    cure: "pulumi config set --secret sudoPassword",
    change: "none on the cluster",
    computedDefault: "none: root, or sudo without a password",
    secret: true,
  });
