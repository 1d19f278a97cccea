/**
 * RESTORE as bytes on a socket: a restore is bound by what this process does for each key, and a general client does four
 * times as much. One connection, commands in order, replies in order.
 */
import { connect, type Socket } from "node:net";
import { UnreachableError } from "../cluster/client";
import type { NodeSpec } from "../cluster/spec";
import type { Host } from "../hosts/host";
import type { Item } from "./load";

const CONNECT_MS = 5_000;
const CR_LF = "\r\n";
const MINUS = 45;
const LF = 10;

/** Replies to one batch: the errors, by the place of their command. All others were fine. */
export type Errors = ReadonlyMap<number, string>;

interface Waiting {
  readonly count: number;
  readonly errors: Map<number, string>;
  seen: number;
  readonly done: (errors: Errors) => void;
  readonly failed: (error: Error) => void;
}

/** The node takes nothing more after this command: an argument is larger than it allows. */
export class CommandRefusedError extends Error {
  override readonly name = "CommandRefusedError";
  constructor(
    /** Place of the command in its batch. */
    readonly index: number,
    message: string,
  ) {
    super(message);
  }
}

export class Wire {
  private readonly waiting: Waiting[] = [];
  private rest: Buffer = Buffer.alloc(0);
  private broken: Error | undefined;

  private constructor(
    private readonly node: string,
    private readonly socket: Socket,
    replyTimeoutMs: number,
  ) {
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.take(chunk));
    socket.on("error", (error) => this.fail(error.message));
    socket.on("close", () => this.fail("connection lost"));
    socket.setTimeout(replyTimeoutMs, () => {
      if (this.waiting.length > 0) this.fail(`no answer for ${replyTimeoutMs / 1000} s`);
    });
  }

  /** Authenticated with the first password that the node takes. @throws UnreachableError */
  static async open(node: NodeSpec, host: Host, password: string, replyTimeoutMs: number): Promise<Wire> {
    const socket = await dial(node, host);
    const wire = new Wire(node.name, socket, replyTimeoutMs);
    try {
      const errors = await wire.send([command(["AUTH", password])], 1);
      const refusal = errors.get(0);
      if (refusal !== undefined && !/no password is set|without any password configured/.test(refusal))
        throw new UnreachableError(node.name, "error", `AUTH: ${refusal.split(" ", 1)[0] ?? "ERR"}`);
      return wire;
    } catch (error) {
      wire.close();
      throw error;
    }
  }

  /** Rejects with UnreachableError where the answer does not come. */
  restore(items: readonly Item[]): Promise<Errors> {
    return this.send(items.map(restoreBytes), items.length);
  }

  /** Waits until so many replicas have everything that this connection wrote, or the time is over. */
  async wait(replicas: number, timeoutMs: number): Promise<void> {
    await this.send([command(["WAIT", String(replicas), String(timeoutMs)])], 1);
  }

  close(): void {
    this.socket.destroy();
  }

  private send(parts: readonly Buffer[], count: number): Promise<Errors> {
    return new Promise((done, failed) => {
      if (this.broken) return failed(this.broken);
      this.waiting.push({ count, errors: new Map(), seen: 0, done, failed });
      this.socket.write(Buffer.concat(parts));
    });
  }

  /** Every reply is one line: +OK, :N or -ERROR. */
  private take(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(LF, from);
      if (end < 0) break;
      this.reply(bytes[from] === MINUS ? bytes.toString("utf8", from + 1, end - 1) : undefined);
      from = end + 1;
    }
    this.rest = bytes.subarray(from);
  }

  private reply(error: string | undefined): void {
    const [first] = this.waiting;
    if (!first) {
      this.fail("a reply that nobody asked for");
      return;
    }
    if (error?.startsWith("ERR Protocol error")) {
      this.waiting.shift();
      first.failed(new CommandRefusedError(first.seen, error));
      this.fail(error);
      return;
    }
    if (error !== undefined) first.errors.set(first.seen, error);
    first.seen++;
    if (first.seen < first.count) return;
    this.waiting.shift();
    first.done(first.errors);
  }

  private fail(why: string): void {
    this.broken ??= new UnreachableError(this.node, "closed", why);
    for (const { failed } of this.waiting.splice(0)) failed(this.broken);
    this.socket.destroy();
  }
}

async function dial(node: NodeSpec, host: Host): Promise<Socket> {
  if (host.dial) return host.dial(node.host, node.port);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: node.host, port: node.port });
    const timer = setTimeout(() => failed("timeout", "connecting takes too long"), CONNECT_MS);
    const failed = (reason: "timeout" | "refused", text: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new UnreachableError(node.name, reason, text));
    };
    socket.once("error", (error) => failed("refused", error.message));
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

function command(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}${CR_LF}${word}${CR_LF}`);
  return Buffer.from(`*${words.length}${CR_LF}${parts.join("")}`);
}

/** RESTORE key ttl payload [ABSTTL] (5.0): a time to live goes on from where it was, however long the backup lay. */
function restoreBytes({ key, payload, expiresAtMs }: Item): Buffer {
  const ttl = expiresAtMs === undefined ? "0" : String(expiresAtMs);
  const head = `*${expiresAtMs === undefined ? 4 : 5}\r\n$7\r\nRESTORE\r\n$${key.length}\r\n`;
  const middle = `\r\n$${ttl.length}\r\n${ttl}\r\n$${payload.length}\r\n`;
  const tail = expiresAtMs === undefined ? CR_LF : "\r\n$6\r\nABSTTL\r\n";
  const bytes = Buffer.allocUnsafe(head.length + key.length + middle.length + payload.length + tail.length);
  let at = bytes.write(head, 0, "latin1");
  at += key.copy(bytes, at);
  at += bytes.write(middle, at, "latin1");
  at += payload.copy(bytes, at);
  bytes.write(tail, at, "latin1");
  return bytes;
}
