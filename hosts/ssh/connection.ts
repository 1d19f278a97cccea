/** One ssh connection: commands and byte streams over it. Knows nothing of nodes. */
import type { Duplex } from "node:stream";
import { Client, type ClientChannel, type ConnectConfig } from "ssh2";
import { ConnectionLostError } from "./errors";
import { limited } from "./limit";

/** A server lets ten sessions into one connection (sshd's MaxSessions); some are left for whoever looks by hand. */
const SESSIONS = 6;
/** A connection whose server does not answer is dead after three of them. */
const KEEPALIVE_MS = 5_000;
/** What a command may say. More is a mistake, or an attack. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export interface CommandOutcome {
  /** Exit code; undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Never in argv: arguments are seen by every user of the server. */
  readonly stdin?: string | undefined;
  readonly timeoutMs: number;
}

export class SshConnection {
  private readonly session = limited(SESSIONS);
  private lost: Error | undefined;
  private readonly onLost = new Set<(error: Error) => void>();

  private constructor(
    private readonly client: Client,
    private readonly who: string,
  ) {}

  /** Rejects with ssh2's error, or the verifier's. `through`: a stream to the server, where it is not reached directly. */
  static open(who: string, config: ConnectConfig, through?: Duplex): Promise<SshConnection> {
    const client = new Client();
    const connection = new SshConnection(client, who);
    return new Promise((resolve, reject) => {
      client.once("ready", () => {
        client.setNoDelay(true);
        resolve(connection);
      });
      // "error" may come before, after, or without "close"; the first one tells the reason.
      client.on("error", (error: Error) => {
        reject(error);
        connection.lose(error);
      });
      client.once("close", () => {
        const error = new Error("the server closed the connection");
        reject(error);
        connection.lose(error);
      });
      client.connect({
        ...config,
        keepaliveInterval: KEEPALIVE_MS,
        ...(through ? { sock: through } : {}),
      });
    });
  }

  get isAlive(): boolean {
    return this.lost === undefined;
  }

  private lose(error: Error): void {
    if (this.lost) return;
    this.lost = new ConnectionLostError(`${this.who}: the connection was lost (${error.message})`);
    for (const tell of [...this.onLost]) tell(this.lost);
    this.onLost.clear();
    this.client.destroy();
  }

  /** @throws ConnectionLostError when it breaks, also where the command may have been carried out. */
  run(command: string, options: RunOptions): Promise<CommandOutcome> {
    return this.session(() =>
      this.whileAlive(options.timeoutMs, `\`${summary(command)}\``, (done) =>
        this.exec(command, options, done),
      ),
    );
  }

  /** Starts a command whose output is read as it comes. The caller ends the channel. */
  stream(command: string, timeoutMs: number): Promise<ClientChannel> {
    return this.whileAlive(timeoutMs, "a command", (done) => {
      this.client.exec(command, (error, channel) => done(error ?? undefined, channel));
    });
  }

  /** A byte stream from the server to `address:port`. Rejects with ssh2's error. */
  forward(address: string, port: number, timeoutMs: number): Promise<ClientChannel> {
    return this.whileAlive(timeoutMs, `a connection to ${address}:${port}`, (done) => {
      this.client.forwardOut("127.0.0.1", 0, address, port, (error, channel) => {
        // Nobody waits for it any more.
        if (!done(error ?? undefined, channel)) channel?.destroy();
      });
    });
  }

  close(): void {
    this.lose(new Error("closed"));
  }

  private exec(command: string, { stdin }: RunOptions, done: Done<CommandOutcome>): void {
    this.client.exec(command, (error, channel) => {
      if (error) return void done(error);
      const output = { stdout: "", stderr: "" };
      const take = (part: "stdout" | "stderr") => (data: Buffer) => {
        if (output[part].length < MAX_OUTPUT_BYTES) output[part] += data.toString("utf8");
      };
      channel.on("data", take("stdout"));
      channel.stderr.on("data", take("stderr"));
      let exit: { readonly code: number | undefined } | undefined;
      channel.once("exit", (value: unknown) => {
        exit = { code: typeof value === "number" ? value : undefined };
      });
      // sshd always tells how a command ended, unless its connection broke.
      channel.once("close", () =>
        exit
          ? done(undefined, { ...exit, ...output })
          : done(new ConnectionLostError(`${this.who}: the connection was lost during a command`)),
      );
      // A command that does not read all of it has said why by its exit code.
      channel.on("error", () => undefined);
      channel.end(stdin ?? "");
    });
  }

  /** Settles once: by `begin`'s answer, the end of the connection, or the end of the time. */
  private whileAlive<T>(timeoutMs: number, what: string, begin: (done: Done<T>) => void): Promise<T> {
    if (this.lost) return Promise.reject(this.lost);
    return new Promise((resolve, reject) => {
      let settled = false;
      const end = (error: Error | undefined, value?: T) => {
        const first = !settled;
        settled = true;
        clearTimeout(timer);
        this.onLost.delete(end);
        if (error) reject(error);
        else resolve(value as T);
        return first;
      };
      const timer = setTimeout(
        () => end(new Error(`${this.who}: ${what} timed out after ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      this.onLost.add(end);
      try {
        begin(end);
      } catch (error) {
        // ssh2 throws "Not connected" where the socket has just gone.
        end(
          new ConnectionLostError(`${this.who}: ${error instanceof Error ? error.message : String(error)}`),
        );
      }
    });
  }
}

/** Tells whether it was the first to settle. */
type Done<T> = (error: Error | undefined, value?: T) => boolean;

/** The first words of a command, for errors. */
function summary(command: string): string {
  return command.replaceAll(/\s+/g, " ").slice(0, 60);
}
