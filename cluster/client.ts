/** The engine's view of one connection to one node. `connection.ts` makes them with ioredis, the simulator with a fake. */

export type Argument = string | number | Buffer;
export type Command = readonly [name: string, ...args: Argument[]];
export type Reply = string | number | null | Buffer | Reply[];

/** An error reply of Redis. `code` is its first word: ERR, NOAUTH, WRONGPASS, MOVED, CLUSTERDOWN, BUSYKEY, LOADING… */
export class RedisReplyError extends Error {
  readonly code: string;
  constructor(
    message: string,
    readonly node: string,
    readonly command: string,
  ) {
    super(message);
    this.name = "RedisReplyError";
    this.code = message.split(" ", 1)[0] ?? "ERR";
  }
}

/** The node did not answer: no connection, connection lost, or no reply within the bound. */
export class UnreachableError extends Error {
  constructor(
    readonly node: string,
    readonly reason: "refused" | "timeout" | "closed" | "error",
    detail: string,
  ) {
    super(`${node}: ${detail}`);
    this.name = "UnreachableError";
  }
}

/** One authenticated connection to one node. Replies are text unless `binary` asks for Buffers. */
export interface NodeClient {
  readonly node: string;
  /** Index of the accepted password in the list given to `connect`; -1 where the server has none set. */
  readonly passwordIndex: number;
  /** Rejects with RedisReplyError or UnreachableError. */
  call(...command: [name: string, ...args: Argument[]]): Promise<Reply>;
  /** Like `call`, with bulk strings as Buffers: keys and values are not text. */
  callBinary(...command: [name: string, ...args: Argument[]]): Promise<Reply>;
  /** Sent in one write, replies in order; a failed command is an error in its place. Rejects with UnreachableError only. */
  pipeline(commands: readonly Command[]): Promise<(Reply | RedisReplyError)[]>;
  pipelineBinary(commands: readonly Command[]): Promise<(Reply | RedisReplyError)[]>;
  close(): void;
}

export interface ConnectOptions {
  /** Shown by CLIENT LIST; the advisory lock lives in it. No spaces. */
  readonly clientName?: string;
  /** Bound on connecting and authenticating, in ms. Default 2 000. */
  readonly connectTimeoutMs?: number;
  /** Bound on a reply, in ms. Default 5 000. */
  readonly replyTimeoutMs?: number;
}

/** Opens connections. Passwords are tried in order; NOAUTH of a server without password is handled. */
export interface Connector {
  connect(
    node: { readonly name: string; readonly host: string; readonly port: number },
    passwords: readonly string[],
    options?: ConnectOptions,
  ): Promise<NodeClient>;
}
