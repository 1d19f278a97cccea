/** How one server is reached, and how a script runs on it as root. */
import { remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { runCommand, scriptInput } from "../templates/server/scripts";

/** The way to one sshd. */
export interface SshPlace {
  /** Name or address. */
  readonly host: pulumi.Input<string>;
  /** @default 22 */
  readonly port?: pulumi.Input<number>;
  /** root, or a user who may use sudo. */
  readonly user: pulumi.Input<string>;
  /** Public host key, "ssh-ed25519 AAAA...". Without one any key is accepted by the provisioning commands. */
  readonly hostKey?: pulumi.Input<string>;
}

export interface ServerConnection extends SshPlace {
  /** Secret. Text of the key for server and bastion. @default the agent of SSH_AUTH_SOCK */
  readonly privateKey?: pulumi.Input<string>;
  /** Secret. What sudo asks the user for. @default nothing: root, or sudo without a password */
  readonly sudoPassword?: pulumi.Input<string>;
  readonly bastion?: SshPlace;
}

/** In s, for one attempt. */
const PER_DIAL_S = 15;

/**
 * Attempts until a server counts as unreachable: with the growing pauses between them at least a minute, so that one that is
 * just booting is waited for, and less than four minutes where every attempt runs into its time limit.
 */
const DIALS = 15;

/** A server on which scripts run. */
export interface ScriptTarget {
  readonly node: string;
  readonly connection: ServerConnection;
  /** See `ProvisionedServerArgs`. */
  readonly serverId?: pulumi.Input<string>;
}

/**
 * One script as a resource: it runs when it is new or one of its inputs has changed, so it must be harmless to repeat.
 * The script travels on stdin, as a secret, and its output is kept as one: error texts show the command line, not stdin.
 * No `triggers` (they replace), no `environment` (sshd drops it), no `delete`.
 */
export function runScript(
  name: string,
  what: string,
  target: ScriptTarget,
  script: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  const { node, connection, serverId } = target;
  const stdin = pulumi
    .all([script, connection.sudoPassword ?? "", serverId ?? ""])
    .apply(([text, sudoPassword, id]) =>
      scriptInput(id === "" ? text : `# ${oneLine(id)}\n${text}`, sudoPassword),
    );
  return new remote.Command(
    `${name}-${what}`,
    {
      connection: connectionArgs(connection),
      create: runCommand(what, node),
      stdin: pulumi.secret(stdin),
      logging: remote.Logging.None,
      addPreviousOutputInEnv: false,
    },
    pulumi.mergeOptions(options, {
      additionalSecretOutputs: ["stdout", "stderr"],
      // A build takes minutes on a small server; a script that waits for its lock ends before this.
      customTimeouts: { create: "40m", update: "40m" },
    }),
  );
}

/** An id in a comment must not be able to end the comment. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

/** For every resource of @pulumi/command. */
export function connectionArgs(connection: ServerConnection): types.input.remote.ConnectionArgs {
  const key = connection.privateKey === undefined ? {} : { privateKey: pulumi.secret(connection.privateKey) };
  const place = (at: SshPlace) => ({
    host: at.host,
    port: at.port ?? 22,
    user: at.user,
    ...(at.hostKey === undefined ? {} : { hostKey: at.hostKey }),
    ...key,
    dialErrorLimit: DIALS,
    perDialTimeout: PER_DIAL_S,
  });
  const { bastion } = connection;
  return { ...place(connection), ...(bastion === undefined ? {} : { proxy: place(bastion) }) };
}

/** What scripts say in lines that begin with "warning:", without that word. */
export function warningsIn(output: string): string[] {
  return output.split("\n").flatMap((line) => /^warning: (.*)/.exec(line)?.[1] ?? []);
}
