/** What Redis's processCommand does before a command runs. */
import type { ServedClient } from "../client-session";
import { showCommand } from "../log";
import type { Server } from "../server";
import { type Deferred, Failure, Status, type Value } from "../value";
import { redirect } from "./redirect";
import { COMMANDS, type CommandSpec } from "./table";

export function isWrite(argv: readonly string[]): boolean {
  return COMMANDS.get((argv[0] ?? "").toLowerCase())?.write === true;
}

/** Commands that take effect inside MULTI instead of being queued. */
const UNQUEUED = new Set(["multi", "exec", "discard"]);

/** @throws Failure with the error reply */
export function dispatch(client: ServedClient, argv: readonly string[]): Value | Deferred {
  const { queued } = client;
  try {
    return check(client, argv);
  } catch (error) {
    // A command that can not be queued spoils the whole transaction.
    if (queued && client.queued === queued) queued.broken = true;
    throw error;
  }
}

function check(client: ServedClient, argv: readonly string[]): Value | Deferred {
  const { server } = client;
  const name = (argv[0] ?? "").toLowerCase();
  const spec = COMMANDS.get(name);
  const missing = !spec || (spec.acl && !server.release.acl) || server.node.cluster.disabled.has(name);
  if (missing) throw unknownCommand(server, argv);
  const length = argv.length;
  if ((spec.arity > 0 && spec.arity !== length) || length < -spec.arity) throw wrongArity(name);
  if (!client.authenticated && !server.accounts.open && name !== "auth") {
    throw new Failure("NOAUTH Authentication required.");
  }
  // ASKING holds for one command, whatever becomes of it.
  const asking = client.asking;
  client.asking = false;
  const keys = spec.keys?.(argv, server.release) ?? [];
  if (keys.length > 0) redirect(client, spec, name, keys, asking);
  checkWritable(server, spec);
  if (server.loading && !spec.loading) {
    throw new Failure("LOADING Redis is loading the dataset in memory");
  }
  if (client.queued && !UNQUEUED.has(name)) {
    client.queued.commands.push(argv);
    return new Status("QUEUED");
  }
  return spec.run({ server, client, name, argv });
}

function checkWritable(server: Server, spec: CommandSpec): void {
  const { config, replication, cluster } = server;
  if (!spec.write) return;
  const needed = config.number("min-replicas-to-write");
  if (!replication.hasPrimary && needed > 0) {
    const lagMs = config.number("min-replicas-max-lag") * 1000;
    const good = replication.replicas.filter(
      (link) => link.state === "online" && server.now() - link.ackMs <= lagMs,
    );
    if (good.length < needed) throw new Failure("NOREPLICAS Not enough good replicas to write.");
  }
  if (cluster.myself.isReplica && replication.hasPrimary && config.flag("replica-read-only")) {
    throw new Failure("READONLY You can't write against a read only replica.");
  }
  if (spec.grows && server.full())
    throw new Failure("OOM command not allowed when used memory > 'maxmemory'.");
}

function unknownCommand(server: Server, argv: readonly string[]): Failure {
  const [name = "", ...rest] = argv;
  // One that another release has may be asked for on purpose; one that the fake has never heard of is our own gap.
  if (!COMMANDS.has(name.toLowerCase())) {
    server.node.cluster.surprises.push(`${server.name}: unknown command ${showCommand(argv)}`);
  }
  if (server.release.line === "7.0") {
    const args = rest.map((arg) => `'${arg.slice(0, 128)}' `).join("");
    return new Failure(`ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${args}`);
  }
  const args = rest.map((arg) => `\`${arg.slice(0, 128)}\`, `).join("");
  return new Failure(`ERR unknown command \`${name}\`, with args beginning with: ${args}`);
}

export function wrongArity(name: string): Failure {
  return new Failure(`ERR wrong number of arguments for '${name}' command`);
}
