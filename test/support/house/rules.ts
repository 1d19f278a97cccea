/**
 * Who may import whom, as data. A place is a file ("topology.ts") or a folder ("cluster/"). The table is the one of
 * docs/architecture.md; what goes beyond it is an exception with its reason. An exception that nobody uses any more fails the test.
 */

export interface Way {
  readonly from: string;
  readonly to: string;
  /** Types alone: nothing of it may be left when the program runs. */
  readonly typesOnly?: true;
  readonly why: string;
}

/** A file may always import from its own place: config.ts and config/ are one. */
export const PLACES: Readonly<Record<string, readonly string[]>> = {
  index: ["index.ts"],
  config: ["config.ts", "config/"],
  topology: ["topology.ts", "topology/"],
  components: ["components/"],
  policy: ["policy/"],
  templates: ["templates/"],
  provider: ["provider/"],
  cluster: ["cluster/"],
  backup: ["backup/"],
  hosts: ["hosts/"],
  install: ["install/"],
  cli: ["cli/"],
  bin: ["bin/"],
  scripts: ["scripts/"],
  bench: ["bench/"],
  test: ["test/", "vitest.config.mts"],
};

/** One way: data flows from the stack's configuration to the servers. templates/, hosts/ and install/ import nothing of ours. */
export const TABLE: readonly Way[] = [
  { from: "index.ts", to: "config.ts", why: "the program reads its configuration" },
  { from: "index.ts", to: "components/index.ts", why: "and declares what it wants" },
  { from: "config.ts", to: "topology.ts", typesOnly: true, why: "its checks speak of nodes" },
  { from: "config/", to: "topology.ts", typesOnly: true, why: "its checks speak of nodes" },
  { from: "config/", to: "topology/", why: "servers that cannot be placed are refused; topology/ is pure" },
  {
    from: "topology.ts",
    to: "config.ts",
    typesOnly: true,
    why: "a checked configuration is what it lays out",
  },
  { from: "components/", to: "config.ts", why: "arguments are checked as the stack's configuration is" },
  { from: "components/", to: "config/", why: "arguments are checked as the stack's configuration is" },
  { from: "components/", to: "topology.ts", why: "which nodes there are" },
  { from: "components/", to: "templates/", why: "what lands on servers" },
  {
    from: "components/",
    to: "provider/resource.ts",
    why: "the resource class, the provider's only public part",
  },
  { from: "provider/", to: "cluster/", why: "calls of the engine" },
  { from: "provider/", to: "hosts/", why: "gives the engine its way to the servers" },
  {
    from: "cluster/",
    to: "hosts/host.ts",
    typesOnly: true,
    why: "the interface; the caller brings the host",
  },
  { from: "cluster/", to: "hosts/errors.ts", why: "tells a host's refusals apart" },
  { from: "backup/", to: "cluster/", why: "looks at the cluster, speaks to its nodes, holds its lock" },
  {
    from: "backup/",
    to: "hosts/host.ts",
    typesOnly: true,
    why: "snapshots are read from the nodes' servers",
  },
  { from: "provider/", to: "backup/", why: "a new cluster may begin with a backup" },
  { from: "cli/", to: "cluster/", why: "commands call the engine" },
  { from: "cli/", to: "backup/", why: "commands take, check and restore backups" },
  { from: "cli/", to: "hosts/", why: "commands bring the way to the servers" },
  { from: "cli/", to: "config.ts", why: "the stack's configuration is the declaration" },
  { from: "cli/", to: "config/", why: "the stack's configuration is the declaration" },
  { from: "scripts/", to: "install/", why: "npm run up, down and setup are the set-up's doors" },
  { from: "bench/", to: "cluster/", why: "what is measured" },
  { from: "bench/", to: "backup/", why: "what is measured" },
  { from: "bench/load.ts", to: "cli/", why: "the command's own measurement, on servers of its own" },
  { from: "bench/", to: "test/support/", why: "measured on the same real servers as tested" },
  ...Object.keys(PLACES).map((place) => ({
    from: "test/",
    to: PLACES[place]?.find((path) => path.endsWith("/")) ?? `${place}.ts`,
    why: "tests see everything",
  })),
  { from: "test/", to: "config.ts", why: "tests see everything" },
  { from: "test/", to: "topology.ts", why: "tests see everything" },
];

/** Beyond the table, by name. */
export const EXCEPTIONS: readonly Way[] = [
  {
    from: "scripts/vitest.ts",
    to: "hosts/local/system.ts",
    why: "who listens on a port is one question, asked for nodes and for servers that interrupted tests have left",
  },
  {
    from: "scripts/vitest.ts",
    to: "hosts/local/processes.ts",
    why: "one that has ended before its signal came is no error, for these servers either",
  },
  {
    from: "policy/resources.ts",
    to: "config/aws/cidr.ts",
    why: "what counts as open to the world is one question, asked of the declaration and of any stack's rules; plain arithmetic",
  },
  {
    from: "components/aws/reach.ts",
    to: "provider/declaration.ts",
    typesOnly: true,
    why: "the shape that both sides of the resources around a server's turn agree on",
  },
  {
    from: "components/aws/servers.ts",
    to: "provider/turn-resource.ts",
    why: "the resource classes around a server's turn, public like that of the cluster",
  },
  {
    from: "config.ts",
    to: "topology.ts",
    why: "ports and zones can only be checked on the nodes as they will be laid out; topology.ts is pure",
  },
  {
    from: "components/declaration.ts",
    to: "provider/declaration.ts",
    typesOnly: true,
    why: "the shape that both sides of the resource agree on",
  },
  {
    from: "components/redis-cluster.ts",
    to: "provider/types.ts",
    why: "the names under which the engine knows component and resource",
  },
  {
    from: "components/stack-config.ts",
    to: "install/cache.ts",
    why: "the user's data folder, below which clusters are kept by default, is the set-up's too",
  },
  {
    from: "components/stack-config.ts",
    to: "install/versions.ts",
    why: "a version that cannot be installed is refused before anything is done; a plain table",
  },
  {
    from: "components/server-archive.ts",
    to: "install/versions.ts",
    why: "servers fetch the same official tarballs, with the same checksums, as the set-up does; a plain table",
  },
  {
    from: "provider/access.ts",
    to: "install/redis.ts",
    why: "local nodes run the Redis that the set-up finds, fetches or builds",
  },
  {
    from: "provider/component-inputs.ts",
    to: "config/",
    why: "what other languages may say is generated from the schema that checks it",
  },
  {
    from: "components/construct.ts",
    to: "package.json",
    why: "the process that makes components tells the version of its package",
  },
  {
    from: "components/server-backup.ts",
    to: "package.json",
    why: "backups of servers' timers tell the version of the kit that wrote them",
  },
  {
    from: "components/construct.ts",
    to: "provider/types.ts",
    why: "the name under which the engine asks for the component",
  },
  {
    from: "components/redis-cluster.ts",
    to: "provider/monitoring-resource.ts",
    why: "the resource class of the local target's exporters",
  },
  {
    from: "provider/monitoring.ts",
    to: "install/monitoring.ts",
    why: "local exporters are the programs that the set-up finds or fetches",
  },
  {
    from: "provider/",
    to: "templates/monitoring/",
    why: "the files of monitoring are rendered from the live topology, by the provider for local exporters",
  },
  {
    from: "provider/plugin-version.ts",
    to: "package.json",
    why: "resources name their plugin's version",
  },
  { from: "provider/main.ts", to: "package.json", why: "the plugin tells the version of its package" },
  {
    from: "cli/commands/monitoring.ts",
    to: "provider/monitoring-declaration.ts",
    why: "the same settings as the provider renders local monitoring from",
  },
  { from: "cli/commands/monitoring.ts", to: "templates/", why: "writes the rendered files into a folder" },
  {
    from: "cli/",
    to: "provider/declaration.ts",
    why: "a declaration from a file or a stack's state is checked as the provider checks it",
  },
  {
    from: "cli/",
    to: "topology.ts",
    why: "doctor tells what the placement costs when a zone is lost; topology.ts is pure",
  },
  {
    from: "cli/declaration.ts",
    to: "provider/access.ts",
    why: "the same way from a declaration to its servers",
  },
  {
    from: "cli/known-hosts.ts",
    to: "install/cache.ts",
    why: "learned host keys are kept in the user's data folder, which is the set-up's too",
  },
  {
    from: "cli/redis-tools.ts",
    to: "install/",
    why: "checking a backup's files needs a Redis on this machine, which the set-up finds, fetches or builds",
  },
  {
    from: "cli/throwaway.ts",
    to: "components/declaration.ts",
    why: "a throwaway cluster is declared as any other; that file knows nothing of Pulumi",
  },
  {
    from: "cli/sources/stack.ts",
    to: "components/declaration.ts",
    why: "the intended declaration is made of the stack's configuration, as `up` makes it; that file knows nothing of Pulumi",
  },
  {
    from: "cli/sources/stack.ts",
    to: "install/",
    why: "asks the engine, state and passphrase that `npm run up` uses",
  },
  { from: "scripts/", to: "config.ts", why: "what `down --purge` deletes is computed by the configuration" },
  {
    from: "scripts/reference/",
    to: "config/",
    why: "reference and JSON schema are generated from the configuration",
  },
  {
    from: "scripts/reference/",
    to: "templates/monitoring/",
    why: "the dashboard is generated from its panels",
  },
  { from: "bench/pictures.ts", to: "hosts/local/index.ts", why: "starts the exporters that it draws from" },
  { from: "bench/pictures.ts", to: "templates/monitoring/", why: "renders what it draws from" },
  { from: "bench/support/", to: "templates/monitoring/", why: "draws the dashboard's own queries" },
  {
    from: "bench/pictures.ts",
    to: "test/monitoring/support/",
    why: "asks Prometheus as the tests do",
  },
  {
    from: "bench/support/ask-dashboard.ts",
    to: "test/monitoring/support/",
    why: "asks Prometheus as the tests do",
  },
  {
    from: "scripts/purge.ts",
    to: "hosts/local/index.ts",
    why: "deletes nodes' data as `pulumi destroy` does",
  },
];

/** Packages that are somebody's own business. */
export interface PackageRule {
  readonly packages: RegExp;
  readonly only: readonly string[];
  readonly why: string;
}

export const PACKAGE_RULES: readonly PackageRule[] = [
  {
    packages: /^ioredis(\/|$)/,
    only: ["cluster/connection.ts", "cli/load/ioredis.ts", "test/"],
    why: "one file knows the client library, everything else speaks to a NodeClient; `bench load` loads a cluster as applications do",
  },
  {
    packages: /^ssh2(\/|$)/,
    only: ["hosts/ssh/", "test/"],
    why: "everybody else reaches servers through a Host",
  },
  {
    packages: /^(@pulumi|@grpc|google-protobuf)(\/|$)/,
    only: ["index.ts", "components/", "provider/", "policy/", "test/"],
    why: "the engine of the cluster, its hosts, and the command line work without Pulumi",
  },
];

/** These run in an empty clone, before packages are there. */
export const WITHOUT_PACKAGES: readonly string[] = ["scripts/run.cjs", "scripts/bootstrap/"];

/** Pure: values in, values out. They may not even reach the machine, except to read the files beside them. */
export const PURE: readonly { readonly place: string; readonly modules: readonly string[] }[] = [
  { place: "topology.ts", modules: [] },
  { place: "topology/", modules: [] },
  { place: "templates/", modules: ["node:fs", "node:path"] },
  { place: "cluster/plan/", modules: ["pretty-bytes"] },
];

export function isIn(place: string, file: string): boolean {
  return place.endsWith("/") ? file.startsWith(place) : file === place;
}
