/** Nodes and their servers: every operation on a server goes through here. */
import type { Socket } from "node:net";
import type { ClientChannel } from "ssh2";
import { UserError } from "../errors";
import type { HostNode, OpenFile } from "../host";
import { asSocket } from "./channel";
import type { CommandOutcome } from "./connection";
import { Connections } from "./connections";
import { AccessError, describeServer, dialError } from "./errors";
import { Root, type ScriptCall } from "./root";
import { READ_FILE } from "./scripts";
import type { SshBounds, SshHostOptions, SshServer } from "./types";

export const BOUNDS: SshBounds = {
  connectMs: 15_000,
  operationMs: 30_000,
  dialMs: 5_000,
  startMs: 30_000,
  loadMs: 600_000,
};

export class Servers {
  readonly bounds: SshBounds;
  readonly connections: Connections;
  private readonly root: Root;

  constructor(private readonly options: SshHostOptions) {
    this.bounds = { ...BOUNDS, ...options.bounds };
    const report = options.report ?? (() => undefined);
    this.connections = new Connections(options, this.bounds, options.knownHostKeys, report);
    this.root = new Root(options.sudoPassword);
  }

  /** @throws AccessError for a node that no server is declared for. */
  of(node: Pick<HostNode, "name">): SshServer {
    const server = this.options.servers[node.name];
    if (server === undefined)
      throw new AccessError(
        `node "${node.name}": it is not said by which server it is reached. Declare it under ssh.servers.`,
      );
    return server;
  }

  /** 'server "shard-1-a" (admin@10.0.0.11)' */
  who(node: Pick<HostNode, "name">): string {
    return describeServer(labelOf(node), this.of(node));
  }

  /** Runs a script as root; on a new connection where one breaks. Any exit code is an answer. */
  run(node: HostNode, call: Omit<ScriptCall, "timeoutMs"> & { timeoutMs?: number }): Promise<CommandOutcome> {
    const server = this.of(node);
    const timeoutMs = call.timeoutMs ?? this.bounds.operationMs;
    return this.connections.use(labelOf(node), server, (connection) =>
      this.root.run(connection, labelOf(node), server, { ...call, timeoutMs }),
    );
  }

  /** Standard output. @throws UserError with what the script said. */
  async must(node: HostNode, what: string, call: Parameters<Servers["run"]>[1]): Promise<string> {
    const outcome = await this.run(node, call);
    if (outcome.code === 0) return outcome.stdout;
    throw this.failure(node, what, outcome);
  }

  failure(node: HostNode, what: string, { code, stdout, stderr }: CommandOutcome): UserError {
    const said = `${stderr}\n${stdout}`.trim().split("\n").slice(-5).join("\n");
    if (/No space left on device/.test(said))
      return new UserError(
        `${this.who(node)}: ${what} failed: its disk is full (${said}). Make room there, then run again.`,
      );
    return new UserError(
      `${this.who(node)}: ${what} failed (exit code ${code ?? "none, a signal ended it"}): ${said || "it said nothing"}`,
    );
  }

  /** A byte stream from the server of `node` to an address. Errors as of a plain socket: ECONNREFUSED, ETIMEDOUT. */
  dial(
    node: Pick<HostNode, "name">,
    address: string,
    port: number,
    timeoutMs = this.bounds.dialMs,
  ): Promise<Socket> {
    return this.connections.use(labelOf(node), this.of(node), async (connection) => {
      try {
        return asSocket(await connection.forward(address, port, timeoutMs), address, port);
      } catch (error) {
        throw dialError(error, address, port);
      }
    });
  }

  readFile(node: HostNode, path: string): Promise<OpenFile> {
    const server = this.of(node);
    return this.connections.use(labelOf(node), server, async (connection) => {
      const { command, stdin } = await this.root.prepare(connection, labelOf(node), server, {
        script: READ_FILE,
        args: [path],
      });
      const channel = await connection.stream(command, this.bounds.operationMs);
      channel.stderr.resume();
      channel.end(stdin);
      return { size: await sizeLine(channel, path), stream: channel };
    });
  }

  close(): void {
    this.connections.close();
  }
}

function labelOf({ name }: Pick<HostNode, "name">): string {
  return `server "${name}"`;
}

/** Reads the first line off a stream and puts the rest back. Rejects with the system's code where the file is not there. */
function sizeLine(channel: ClientChannel, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    // With the exit code once more: "exit" itself may have come together with the channel, before anybody listened.
    const fail = (code: unknown) => {
      const name = (typeof code === "number" ? { 2: "ENOENT", 13: "EACCES" }[code] : undefined) ?? "EIO";
      reject(Object.assign(new Error(`${name}: cannot read ${path} there`), { code: name }));
    };
    const onReadable = () => {
      for (;;) {
        const part: unknown = channel.read();
        if (!Buffer.isBuffer(part)) return;
        seen = Buffer.concat([seen, part]);
        const at = seen.indexOf(10);
        if (at < 0) continue;
        channel.off("readable", onReadable);
        channel.off("close", fail);
        if (at + 1 < seen.length) channel.unshift(seen.subarray(at + 1));
        return resolve(Number(seen.subarray(0, at).toString("latin1")));
      }
    };
    channel.once("close", fail);
    channel.on("readable", onReadable);
  });
}
