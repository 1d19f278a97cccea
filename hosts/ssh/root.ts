/** Runs scripts as root on a server: by login, by sudo, or by sudo with a password, which travels on stdin only. */
import type { CommandOutcome, SshConnection } from "./connection";
import { AccessError, describeServer } from "./errors";
import type { SshAddress } from "./types";

type Way = "login" | "sudo" | "sudo with password";

const ASK_MS = 15_000;

export interface ScriptCall {
  /** POSIX shell. */
  readonly script: string;
  /** $1, $2 … Seen by every user of the server: no secrets. */
  readonly args?: readonly string[];
  /** What the script reads. */
  readonly stdin?: string;
  readonly timeoutMs: number;
}

export class Root {
  private readonly ways = new WeakMap<SshConnection, Promise<Way>>();

  constructor(private readonly sudoPassword: string | undefined) {}

  /** @throws AccessError where this user may not become root. */
  async run(
    connection: SshConnection,
    label: string,
    server: SshAddress,
    call: ScriptCall,
  ): Promise<CommandOutcome> {
    const way = await this.wayOf(connection, label, server);
    const { timeoutMs } = call;
    return connection.run(this.command(way, call), {
      stdin: `${this.before(way)}${call.stdin ?? ""}`,
      timeoutMs,
    });
  }

  /** The command alone, for output that is read as a stream; `before` has to be written to it first. */
  async prepare(
    connection: SshConnection,
    label: string,
    server: SshAddress,
    call: Omit<ScriptCall, "timeoutMs">,
  ): Promise<{ command: string; stdin: string }> {
    const way = await this.wayOf(connection, label, server);
    return { command: this.command(way, call), stdin: `${this.before(way)}${call.stdin ?? ""}` };
  }

  private command(way: Way, { script, args = [] }: Omit<ScriptCall, "timeoutMs">): string {
    const shell = ["/bin/sh", "-c", script, "sh", ...args].map(quote).join(" ");
    switch (way) {
      case "login":
        return shell;
      case "sudo":
        return `sudo -n -- ${shell}`;
      case "sudo with password":
        // -k: also where it was just given, so that the line on stdin is always taken. sudo reads no further than that line.
        return `sudo -S -k -p '' -- ${shell}`;
    }
  }

  private before(way: Way): string {
    return way === "sudo with password" ? `${this.sudoPassword ?? ""}\n` : "";
  }

  private wayOf(connection: SshConnection, label: string, server: SshAddress): Promise<Way> {
    const known = this.ways.get(connection);
    if (known) return known;
    const asking = this.ask(connection, label, server);
    this.ways.set(connection, asking);
    asking.catch(() => this.ways.delete(connection));
    return asking;
  }

  private async ask(connection: SshConnection, label: string, server: SshAddress): Promise<Way> {
    if (server.user === "root") return "login";
    const free = await connection.run("sudo -n true", { timeoutMs: ASK_MS });
    if (free.code === 0) return "sudo";
    const who = describeServer(label, server);
    if (free.code === 127) throw new AccessError(`${who} has no sudo: install it, or log in as root.`);
    const { sudoPassword } = this;
    if (sudoPassword === undefined)
      throw new AccessError(
        `${who}: ${server.user} may not sudo without a password. Declare the password (sudoPassword), ` +
          `or allow it: ${server.user} ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d.`,
      );
    const asked = await connection.run("sudo -S -k -p '' true", {
      stdin: `${sudoPassword}\n`,
      timeoutMs: ASK_MS,
    });
    if (asked.code === 0) return "sudo with password";
    throw new AccessError(
      `${who} refuses the declared sudo password of ${server.user}, or ${server.user} may not sudo there. ` +
        "Correct it: pulumi config set --secret sudoPassword.",
    );
  }
}

/** For a POSIX shell; other login shells (fish, csh) take single quotes the same way. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
