/** How one server is reached, and how a script runs on it as root. */
import { remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { runCommand } from "../templates/server/scripts";

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
  /** Attempts to reach the server until it counts as unreachable. @default 15 */
  readonly dials?: number;
}

/** In s, for one attempt. */
const PER_DIAL_S = 15;

/** With the growing pauses between them 40 s where sshd refuses, up to 5 min where nothing answers. */
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
  const { sudoPassword } = connection;
  const stdin = pulumi
    .all([script, sudoPassword, serverId])
    .apply(([text, password, id]) =>
      [
        ...(password === undefined ? [] : [password]),
        ...(id === undefined ? [] : [`# ${oneLine(id)}`]),
        text,
      ].join("\n"),
    );
  return new remote.Command(
    `${name}-${what}`,
    {
      connection: connectionArgs(connection),
      create: runCommand(what, node, sudoPassword !== undefined),
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
    dialErrorLimit: connection.dials ?? DIALS,
    perDialTimeout: PER_DIAL_S,
  });
  const { bastion } = connection;
  return { ...place(connection), ...(bastion === undefined ? {} : { proxy: place(bastion) }) };
}

/** What a script says in a line that begins with "warning:". */
export interface ServerWarning {
  readonly node: string;
  readonly text: string;
}

export function warningsIn(output: string): ServerWarning[] {
  return output.split("\n").flatMap((line) => {
    const [, node, text] = /^warning: (.*?): (.*)/.exec(line) ?? [];
    return node === undefined || text === undefined ? [] : [{ node, text }];
  });
}

/** One line for each text, with the servers that say it. */
export function tellWarnings(warnings: readonly ServerWarning[]): string[] {
  const byText = new Map<string, string[]>();
  for (const { node, text } of warnings) byText.set(text, [...(byText.get(text) ?? []), node]);
  return [...byText].map(([text, nodes]) => `${nodes.sort().join(", ")}: ${text}`);
}
