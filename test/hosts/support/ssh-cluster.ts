/** A cluster on the lab's servers, as `up` makes it: declaration, servers made ready, hosts, engine. Without Pulumi. */
// provider/access.ts requires what only some targets need when it needs it; under vitest that wants the hook of the launcher.
import "../../../scripts/ts.cjs";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { apply, look, type Outcome } from "../../../cluster/engine";
import type { ClusterSpec, NodeSpec } from "../../../cluster/spec";
import { declare } from "../../../components/declaration";
import { parseConfig } from "../../../config";
import type { Host } from "../../../hosts/host";
import { type Access, type AccessOptions, openAccess } from "../../../provider/access";
import { type Declaration, type Inheritance, NOTHING_INHERITED, specOf } from "../../../provider/declaration";
import { configureScript, installScript, type ServerPlan } from "../../../templates/server/scripts";
import { type RedisLine, redisBinaries } from "../../support/redis-binaries";
import type { Lab, LabHost, LabUser } from "./lab";
import { command } from "./lab/command";

export interface SshClusterOptions {
  /** Default: all of the lab's. */
  readonly hosts?: readonly LabHost[];
  readonly line?: RedisLine;
  /** Default 1. */
  readonly replicasPerShard?: number;
  readonly user?: LabUser;
  /** Further redis.conf directives. */
  readonly redis?: Readonly<Record<string, string>>;
  /** Whether connections go through the lab's bastion. */
  readonly bastion?: boolean;
}

export const PASSWORD = "lab-secret-password-4711";
const NAME = "labbed";

/** The declaration of a cluster over these servers, primaries first as the configuration wants them. */
export async function declareOn(lab: Lab, options: SshClusterOptions = {}): Promise<Declaration> {
  const { hosts = lab.hosts, line = "5.0", user = "admin", redis = {}, replicasPerShard = 1 } = options;
  const { version } = await redisBinaries(line);
  const servers = hosts.map((host) => {
    const { host: address, hostKey } = lab.ssh(host);
    return { name: host.name, host: address, zone: host.zone, hostKey };
  });
  const hop = options.bastion && lab.bastion ? { bastion: bastionOf(lab, lab.bastion) } : {};
  const raw = {
    name: NAME,
    target: "ssh",
    replicasPerShard,
    redisVersion: version,
    redis: { maxmemory: "32mb", ...redis },
    ssh: { servers, user, ...hop },
    sshPrivateKey: lab.privateKey,
    ...(user === "operator" ? { sudoPassword: lab.sudoPassword } : {}),
  };
  return declare(parseConfig(raw, { project: "test", stack: "test", dataRoot: tmpdir() }), PASSWORD);
}

function bastionOf(lab: Lab, bastion: LabHost): object {
  const { host, user, hostKey } = lab.ssh(bastion);
  return { host, user, hostKey };
}

/** Puts a line of Redis, user, folders and unit on the servers, by the kit's own scripts. */
export async function provision(lab: Lab, hosts: readonly LabHost[], line: RedisLine = "5.0"): Promise<void> {
  const { server, cli, version } = await redisBinaries(line);
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-archive-"));
  try {
    for (const program of [server, cli])
      cpSync(program, join(folder, basename(program)), { dereference: true });
    const archive = join(folder, "redis.tar.gz");
    await command(["tar", "-C", folder, "-czf", archive, "redis-server", "redis-cli"]);
    await Promise.all(hosts.map((host) => provisionOne(lab, host, version, archive)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function provisionOne(lab: Lab, host: LabHost, version: string, archive: string): Promise<void> {
  const plan: ServerPlan = {
    cluster: NAME,
    node: host.name,
    version,
    install: "archive",
    port: 6379,
    address: host.address,
    maxmemoryBytes: 32 * 1024 ** 2,
    persistent: true,
  };
  lab.copyTo(host, archive, "/root/redis.tar.gz");
  const place = { url: "", upload: "redis.tar.gz", sha256: "" };
  const script = `${installScript(plan, place, "")}`;
  await lab.exec(host, ["sh", "-s"], { stdin: script });
  await lab.exec(host, ["sh", "-s"], { stdin: configureScript(plan) });
}

/** The way to a declared cluster, and what one does with it. The caller must `close` it. */
export class SshCluster {
  readonly access: Access;
  readonly spec: ClusterSpec;

  constructor(
    readonly declaration: Declaration,
    options: Partial<AccessOptions> & { readonly inherited?: Inheritance } = {},
  ) {
    const { inherited = NOTHING_INHERITED, report = () => undefined, ...rest } = options;
    this.access = openAccess(declaration, { report, hasRun: false, ...rest });
    this.spec = specOf(declaration, inherited, declaration.redisVersion);
  }

  host(node: { readonly name: string }): Host {
    return this.access.hosts(node);
  }

  node(name: string): NodeSpec {
    const node = this.spec.nodes.find((each) => each.name === name);
    if (!node) throw new Error(`no node ${name} is declared`);
    return node;
  }

  /** As `up`. `overrides` change the declaration as the engine sees it. */
  async apply(overrides: Partial<ClusterSpec> = {}): Promise<Outcome> {
    await this.access.redis({ install: true });
    return apply({ ...this.spec, ...overrides }, { hosts: this.access.hosts });
  }

  /** Steps that an `up` would do now. */
  async plannedSteps(): Promise<string[]> {
    const { decision } = await look(this.spec, { hosts: this.access.hosts });
    return decision.kind === "refusal"
      ? [`refused: ${decision.reason}`]
      : decision.steps.map((step) => step.kind);
  }

  close(): Promise<void> {
    return this.access.close();
  }
}

/** The server's end of every ssh connection goes away, as when a firewall or a restart cuts it. sshd goes on listening. */
export async function dropConnections(lab: Lab, host: LabHost): Promise<void> {
  const listed = await lab.sh(
    host,
    "ps -eo pid=,args= | grep 'sshd: [a-z]* \\[priv\\]\\|sshd: [a-z]*@\\|sshd: [a-z]*$' || true",
  );
  const pids = listed
    .split("\n")
    .map((line) => line.trim().split(" ", 1)[0] ?? "")
    .filter((pid) => pid !== "");
  if (pids.length > 0) await lab.tryExec(host, ["kill", "-KILL", ...pids]);
}

/** Breaks the ssh connections of one host after the other while `work` runs. How often comes with its result. */
export async function whileBreaking<T>(
  lab: Lab,
  everyMs: number,
  work: () => Promise<T>,
): Promise<{ result: T; breaks: number }> {
  let isDone = false;
  let breaks = 0;
  const breaking = async () => {
    for (let turn = 0; !isDone; turn++) {
      await sleep(everyMs);
      const host = lab.hosts[(turn * 5) % lab.hosts.length];
      if (isDone || !host) return;
      await dropConnections(lab, host);
      breaks++;
    }
  };
  const side = breaking();
  try {
    return { result: await work(), breaks };
  } finally {
    isDone = true;
    await side;
  }
}
