/** The one file that knows ioredis: one authenticated connection to one node, without retries behind our back. */
import type { Socket } from "node:net";
import { Redis } from "ioredis";
import AbstractConnector from "ioredis/built/connectors/AbstractConnector";
import {
  type Argument,
  type Command,
  type ConnectOptions,
  type Connector,
  type NodeClient,
  RedisReplyError,
  type Reply,
  UnreachableError,
} from "./client";
import { PasswordRefusedError } from "./errors";

/** Opens the byte stream to `host:port`; the default is a plain TCP connection from this machine. */
export type Dial = (host: string, port: number) => Promise<Socket>;

interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** A Connector over ioredis. `dial` lets connections go through an ssh channel instead of the local network. */
export function ioredisConnector(dial?: Dial): Connector {
  return {
    async connect(node, passwords, options = {}) {
      const redis = newRedis(node, options, dial);
      // Connection errors surface in the rejected promises; without a listener ioredis prints them.
      redis.on("error", () => undefined);
      try {
        await redis.connect();
        const passwordIndex = await within(
          GREETING_MS,
          authenticate(redis, node, passwords),
          new UnreachableError(node.name, "timeout", "accepts connections and answers nothing"),
        );
        if (options.clientName) await redis.call("CLIENT", "SETNAME", options.clientName);
        return new IoredisClient(node, redis, passwordIndex);
      } catch (error) {
        redis.disconnect();
        throw translate(error, node.name, "connect");
      }
    },
  };
}

/** Whoever takes longer for a first answer is no Redis, or none that can be worked with. Runs are patient only later. */
const GREETING_MS = 6_000;

async function within<T>(ms: number, work: Promise<T>, late: Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), ms);
  });
  try {
    return await Promise.race([work, bound]);
  } finally {
    clearTimeout(timer);
  }
}

function newRedis(node: Target, options: ConnectOptions, dial: Dial | undefined): Redis {
  return new Redis({
    host: node.host,
    port: node.port,
    ...(dial ? { Connector: channelConnector(node, dial) } : {}),
    // Replies of INFO and CLUSTER NODES are parsed as text; RESP3 would change their shape.
    protocol: 2,
    lazyConnect: true,
    connectTimeout: options.connectTimeoutMs ?? 2000,
    commandTimeout: options.replyTimeoutMs ?? 5000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  });
}

function channelConnector(node: Target, dial: Dial) {
  return class extends AbstractConnector {
    constructor() {
      super(1000);
    }
    override async connect(): Promise<Socket> {
      this.connecting = true;
      const stream = await dial(node.host, node.port);
      if (!this.connecting) {
        stream.destroy();
        throw new Error("Connection is closed.");
      }
      // What `disconnect` ends. Without it the server would keep the connection, and with it the run's lock.
      this.stream = stream;
      return stream;
    }
  };
}

/** Tries each password in order. Returns the index of the accepted one, -1 where the server has none set. */
async function authenticate(redis: Redis, node: Target, passwords: readonly string[]): Promise<number> {
  let refusal = "no password given";
  for (const [index, password] of passwords.entries()) {
    try {
      await redis.call("AUTH", password);
      return index;
    } catch (error) {
      refusal = error instanceof Error ? error.message : String(error);
      if (/no password is set|without any password configured/.test(refusal)) return -1;
      // 5.0 answers "ERR invalid password", 6.0 and later "WRONGPASS …"; anything else is not about the password.
      if (!/invalid password|^WRONGPASS/.test(refusal)) throw error;
    }
  }
  if (passwords.length === 0) {
    await redis.call("PING");
    return -1;
  }
  throw new PasswordRefusedError(node.name, refusal.split(" ", 1)[0] ?? "ERR");
}

class IoredisClient implements NodeClient {
  readonly node: string;
  constructor(
    target: Target,
    private readonly redis: Redis,
    readonly passwordIndex: number,
  ) {
    this.node = target.name;
  }

  call(name: string, ...args: Argument[]): Promise<Reply> {
    return this.guard(name, () => this.redis.call(name, ...args));
  }

  callBinary(name: string, ...args: Argument[]): Promise<Reply> {
    return this.guard(name, () => this.redis.callBuffer(name, ...args));
  }

  pipeline(commands: readonly Command[]): Promise<(Reply | RedisReplyError)[]> {
    return this.all(commands, "call");
  }

  pipelineBinary(commands: readonly Command[]): Promise<(Reply | RedisReplyError)[]> {
    return this.all(commands, "callBuffer");
  }

  close(): void {
    this.redis.disconnect();
  }

  private async guard(name: string, send: () => Promise<unknown>): Promise<Reply> {
    try {
      return (await send()) as Reply;
    } catch (error) {
      throw translate(error, this.node, name);
    }
  }

  /** A pipeline of ioredis is one write; commands sent one by one cost a system call and four times the time each. */
  private async all(
    commands: readonly Command[],
    send: "call" | "callBuffer",
  ): Promise<(Reply | RedisReplyError)[]> {
    if (commands.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const [name, ...args] of commands) pipeline[send](name, ...args);
    const results = await pipeline.exec().catch((error: unknown) => {
      throw translate(error, this.node, "pipeline");
    });
    return commands.map(([name], index) => {
      const [error, value] = results?.[index] ?? [new Error("Connection is closed.")];
      if (!error) return value as Reply;
      const translated = translate(error, this.node, name);
      if (translated instanceof RedisReplyError) return translated;
      throw translated;
    });
  }
}

/** ioredis's errors as ours: a reply error, or the reason why there was no reply. Never carries arguments (secrets). */
function translate(error: unknown, node: string, command: string): Error {
  const ours = [PasswordRefusedError, RedisReplyError, UnreachableError];
  if (error instanceof Error && ours.some((kind) => error instanceof kind)) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "ReplyError") return new RedisReplyError(text, node, command);
  if (/ECONNREFUSED/.test(text)) return new UnreachableError(node, "refused", "connection refused");
  if (/timed out|ETIMEDOUT/i.test(text))
    return new UnreachableError(node, "timeout", `no answer to ${command}`);
  if (/closed|ended|ECONNRESET|EPIPE|isn't writeable|max retries/i.test(text))
    return new UnreachableError(node, "closed", `connection lost during ${command}`);
  return new UnreachableError(node, "error", `${command}: ${text}`);
}
