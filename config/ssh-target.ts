/** From the `ssh` key to servers that are ready to be laid out, and what is wrong with them as a whole. */
import { count } from "../topology/count";
import { placeServers } from "../topology/servers";
import { ABSENT, type Problem, printable } from "./error";
import type { StackValues } from "./schema";
import { SERVER_DATA_DIRECTORY, SSH_DEFAULTS, type SshValues } from "./ssh";
import type { CommonConfig, SshBastion, SshConfig, SshServer } from "./types";

/** What a stack says of its shape beside `ssh`; undefined where it is left to the servers. */
interface GivenShape {
  readonly shards: number | undefined;
  readonly zones: readonly string[] | undefined;
  readonly replicasPerShard: number;
}

/** Keys that only one target knows. */
const OWN_KEYS: Readonly<Record<StackValues["target"], readonly string[]>> = {
  local: ["host", "basePort", "dataDirectory"],
  ssh: ["ssh", "sudoPassword", "sshPrivateKey"],
  aws: ["aws", "sshPrivateKey"],
};

/** Keys that are given and belong to another target. */
export function foreignKeys(
  target: StackValues["target"],
  given: Readonly<Record<string, unknown>>,
): Problem[] {
  const foreign = Object.entries(OWN_KEYS).flatMap(([owner, keys]) => (owner === target ? [] : keys));
  return foreign
    .filter((key) => given[key] !== undefined && !OWN_KEYS[target].includes(key))
    .map((key) => ({
      property: key,
      value: "given",
      expected: `nothing, since target ${target} has no use for it`,
      cure: `pulumi config rm ${key}`,
    }));
}

/** What a target alone knows, and the shape of the cluster there. */
export type PlaceOf<Config> = Config extends CommonConfig
  ? Omit<Config, Exclude<keyof CommonConfig, "shards" | "zones" | "dataDirectory">>
  : never;

/** What the ssh target alone knows, and the shape of the cluster there. Placeholders where `ssh` is missing. */
export function sshPlace(values: StackValues, given: Readonly<Record<string, unknown>>): PlaceOf<SshConfig> {
  const { ssh, sshPrivateKey, sudoPassword } = values;
  const shape = givenShape(values, given);
  const servers = ssh === undefined ? [] : sshServers(ssh);
  const bastion = ssh === undefined ? undefined : sshBastion(ssh);
  const { redisPort, bind, install, dials, exporterListen } = ssh ?? SSH_DEFAULTS;
  return {
    target: "ssh",
    shards: shardsOf(servers, shape),
    zones: zonesOf(servers, shape),
    dataDirectory: SERVER_DATA_DIRECTORY,
    servers,
    redisPort,
    bind,
    install,
    dials,
    exporterListen,
    exporterFrom: ssh?.exporterFrom ?? [],
    ...(bastion === undefined ? {} : { bastion }),
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
  };
}

/** Lines for the operator: a server whose key is not pinned may be anybody when it is provisioned. */
export function targetWarnings({ target, ssh }: StackValues): string[] {
  if (target !== "ssh" || ssh === undefined) return [];
  const names = ssh.servers.filter(({ hostKey }) => hostKey === undefined).map(({ name }) => name);
  const gate = ssh.bastion !== undefined && ssh.bastion.hostKey === undefined ? ["bastion"] : [];
  const open = [...gate, ...names];
  if (open.length === 0) return [];
  return [
    `No hostKey for ${open.join(", ")}: provisioning believes whoever answers there. Pin it: ssh-keyscan -t ed25519 HOST, compared with the server's console.`,
  ];
}

/** Every problem of the target's own keys as a whole. */
export function targetProblems(values: StackValues, given: Readonly<Record<string, unknown>>): Problem[] {
  if (values.target !== "ssh") return [];
  if (values.ssh === undefined) return [SSH_MISSING];
  return [...installProblems(values, values.ssh), ...sshProblems(values.ssh, givenShape(values, given))];
}

function installProblems({ redisSource }: StackValues, { install }: SshValues): Problem[] {
  if (install === "archive" && redisSource === undefined) {
    return [
      {
        property: "redisSource",
        value: ABSENT,
        expected: "a tar.gz with redis-server and redis-cli in it, since ssh.install is archive",
        cure: "pulumi config set redisSource /path/to/redis.tar.gz, or set ssh.install to source",
      },
    ];
  }
  if (install !== "package" || redisSource === undefined) return [];
  return [
    {
      property: "redisSource",
      value: printable(redisSource),
      expected: "nothing, since ssh.install is package: the distribution's Redis is used",
      cure: "pulumi config rm redisSource, or set ssh.install to source or archive",
    },
  ];
}

function givenShape(values: StackValues, given: Readonly<Record<string, unknown>>): GivenShape {
  return {
    shards: given.shards === undefined ? undefined : values.shards,
    zones: given.zones === undefined ? undefined : values.zones,
    replicasPerShard: values.replicasPerShard,
  };
}

function sshServers(values: SshValues): SshServer[] {
  return values.servers.map(({ name, host, zone, hostKey, ...own }) => {
    const address = own.address ?? host;
    return {
      name,
      host,
      zone,
      user: own.user ?? values.user,
      port: own.port ?? values.port,
      address,
      announce: own.announce ?? address,
      ...(hostKey === undefined ? {} : { hostKey }),
    };
  });
}

function sshBastion(values: SshValues): SshBastion | undefined {
  const { bastion } = values;
  if (bastion === undefined) return undefined;
  const { host, hostKey } = bastion;
  const way = { host, user: bastion.user ?? values.user, port: bastion.port ?? values.port };
  return { ...way, ...(hostKey === undefined ? {} : { hostKey }) };
}

/** Shards that the servers make: as declared, or as many as there are whole groups. */
function shardsOf(servers: readonly SshServer[], shape: GivenShape): number {
  return shape.shards ?? Math.floor(servers.length / (shape.replicasPerShard + 1));
}

/** The declared zones, or those of the servers in order of appearance. */
function zonesOf(servers: readonly SshServer[], shape: GivenShape): readonly string[] {
  return shape.zones ?? [...new Set(servers.map(({ zone }) => zone))];
}

const SSH_MISSING: Problem = {
  property: "ssh",
  value: ABSENT,
  expected: "the servers, since target is ssh",
  cure: "a mapping under ssh: in the stack file, as in Pulumi.staging.yaml; or pulumi config set target local",
};

/** Every problem among servers, each being good by itself. */
function sshProblems(values: SshValues, shape: GivenShape): Problem[] {
  const servers = sshServers(values);
  const single = [...addressProblems(servers), ...sameProblems(servers), ...zoneProblems(servers, shape)];
  return single.length > 0 ? single : countProblems(servers, shape);
}

function addressProblems(servers: readonly SshServer[]): Problem[] {
  return servers.flatMap(({ name, address }, index) =>
    /^[\d.]+$/.test(address)
      ? []
      : [
          {
            property: `ssh.servers[${index}].address`,
            value: ABSENT,
            expected: `the IPv4 address of ${name}: Redis Cluster announces addresses, and host is the name ${printable(address)}`,
            cure: `address: 10.0.0.${11 + index} beside the name, with the server's own address`,
          },
        ],
  );
}

/** Two servers under one name, or two names for one server. */
function sameProblems(servers: readonly SshServer[]): Problem[] {
  const claims = [
    { key: "name", of: (server: SshServer) => server.name },
    { key: "host", of: (server: SshServer) => `${server.host}:${server.port}` },
    { key: "address", of: (server: SshServer) => server.address },
    { key: "announce", of: (server: SshServer) => server.announce },
  ];
  return servers.flatMap((server, index) => {
    const shared = claims.find(({ of }) => servers.findIndex((other) => of(other) === of(server)) < index);
    const other = servers.find((each) => shared?.of(each) === shared?.of(server));
    if (shared === undefined || other === undefined) return [];
    return [
      {
        property: `ssh.servers[${index}].${shared.key}`,
        value: printable(shared.of(server)),
        expected: `a server of its own: ${other.name} has this ${shared.key}, so ${server.name} would be the same machine`,
        cure: `correct ${shared.key} of ${server.name}, or take one of the two out of ssh.servers`,
      },
    ];
  });
}

function zoneProblems(servers: readonly SshServer[], { zones }: GivenShape): Problem[] {
  if (zones === undefined) return [];
  return servers.flatMap(({ zone, name }, index) =>
    zones.includes(zone)
      ? []
      : [
          {
            property: `ssh.servers[${index}].zone`,
            value: printable(zone),
            expected: `one of the zones ${zones.join(", ")}, as ${name} is to be placed in one of them`,
            cure: "correct it, or pulumi config rm zones: the zones are then those of the servers",
          },
        ],
  );
}

function countProblems(servers: readonly SshServer[], shape: GivenShape): Problem[] {
  const members = shape.replicasPerShard + 1;
  const shards = shardsOf(servers, shape);
  const needed = Math.max(3, shards) * members;
  const nodes = `${Math.max(3, shards)} shards of ${count(members, "node")}`;
  if (servers.length !== needed) {
    const isShort = servers.length < needed;
    return [
      {
        property: "ssh.servers",
        value: count(servers.length, "server"),
        expected: `${needed}: ${nodes}${shape.shards === undefined ? `, ${members} more servers for every further shard` : ""}`,
        cure: isShort
          ? `add ${count(needed - servers.length, "server")}, or declare fewer shards or replicas (three shards at least)`
          : `take out ${count(servers.length - needed, "server")}, or add servers or raise shards until they fill whole shards`,
      },
    ];
  }
  if (placeServers(servers, members) !== undefined) return [];
  return [
    {
      property: "ssh.servers",
      value: servers.map(({ name, zone }) => `${name} in ${zone}`).join(", "),
      expected: `an order in which ${nodes} have members in different zones`,
      cure: "list them shard by shard, each shard's servers in different zones; new servers at the end",
    },
  ];
}
