/** One MIGRATE under way: what is sent to the target, which answers come, and what the source makes of it. */
import { type Entry, memoryOf } from "../database";
import type { Server } from "../server";
import { Failure, OK, type Value } from "../value";
import {
  BYTES_PER_MS,
  dropMigrateSocket,
  type MigrateOptions,
  type MigrateSocket,
  migrateSocket,
  restoreArguments,
} from "./migrate";

interface Task {
  readonly address: { readonly host: string; readonly port: number };
  readonly options: MigrateOptions;
  readonly timeoutMs: number;
  readonly db: number;
  readonly here: readonly { readonly key: string; readonly entry: Entry }[];
}

/** AUTH and SELECT come before the keys; where one of them is refused, its error is the answer for all. */
type Part = "auth" | "select" | number;

export class Transfer {
  private readonly moved: string[] = [];
  private error: string | undefined;
  private refusedFirst: string | undefined;
  private answered = 0;
  private mayRetry = true;
  private over = false;
  private target: Server | undefined;
  private attempt = 0;
  /** Answers keep their order. */
  private lastBackMs = 0;

  constructor(
    private readonly server: Server,
    private readonly task: Task,
    private readonly done: (outcome: Value | Failure) => void,
  ) {}

  start(): void {
    this.server.block();
    this.server.scheduler.after(this.task.timeoutMs, () => this.end("reading from", "timeout"));
    this.connect();
  }

  private connect(): void {
    const { server, task } = this;
    const { host, port } = task.address;
    const target = server.network.dataAt(host, port);
    if (!target) {
      // A connection that is being refused is taken for an open one, and fails at writing.
      this.end("writing to", "refused");
      return;
    }
    this.target = target;
    const attempt = ++this.attempt;
    const broken = () => this.brokenBy(attempt);
    const bytes = task.here.reduce((sum, { key, entry }) => sum + memoryOf(key, entry), 0);
    server.scheduler.after(server.network.latency() + bytes / BYTES_PER_MS, () => {
      if (this.over || !server.alive || !server.network.between(server, target)) return;
      if (!target.alive) broken();
      else this.send(migrateSocket(server, target, broken), attempt);
    });
  }

  private send(socket: MigrateSocket, attempt: number): void {
    const { server, task } = this;
    const { user, password, replace } = task.options;
    const ask = (part: Part, argv: readonly string[]) =>
      socket.client.request({ argv, reply: (outcome) => this.hear(part, outcome, attempt) });
    if (password !== undefined) ask("auth", ["AUTH", ...(user === undefined ? [] : [user]), password]);
    if (socket.db !== task.db) ask("select", ["SELECT", String(task.db)]);
    socket.db = task.db;
    for (const [index, { key, entry }] of task.here.entries()) {
      ask(index, restoreArguments(server, key, entry, replace));
    }
  }

  /** An answer sets out for the source. */
  private hear(part: Part, outcome: Value | Failure, attempt: number): void {
    const { server } = this;
    this.lastBackMs = Math.max(server.now() + server.network.latency(), this.lastBackMs);
    server.scheduler.at(this.lastBackMs, () => {
      const { target } = this;
      if (this.over || attempt !== this.attempt || !server.alive || !target) return;
      if (!server.network.between(server, target)) return;
      if (part === 0 && this.loseAnswer()) return;
      this.take(part, outcome);
    });
  }

  /** Played by the faults: the answers do not come, or the connection breaks. Returns whether they are lost. */
  private loseAnswer(): boolean {
    const { faults } = this.server.node.cluster;
    if (!faults.losesMigrateReply()) return false;
    if (faults.tailArrives()) this.brokenBy(this.attempt);
    this.attempt += 1;
    return true;
  }

  private take(part: Part, outcome: Value | Failure): void {
    const failed = outcome instanceof Failure ? outcome.message : undefined;
    if (typeof part === "string") {
      this.refusedFirst ??= failed;
      return;
    }
    const refusal = this.refusedFirst ?? failed;
    if (refusal) this.error ??= refusal;
    else this.moved.push(this.task.here[part]?.key ?? "");
    this.answered += 1;
    if (this.answered === this.task.here.length) this.finish();
  }

  /** The target closed the connection: tried once more where nothing has been answered yet. */
  private brokenBy(attempt: number): void {
    if (this.over || attempt !== this.attempt || !this.server.alive) return;
    if (this.target) dropMigrateSocket(this.server, this.target);
    if (this.answered === 0 && this.mayRetry) {
      this.mayRetry = false;
      this.connect();
    } else this.end("reading from", "closed");
  }

  private end(what: "reading from" | "writing to", how: "timeout" | "refused" | "closed"): void {
    if (this.over || !this.server.alive) return;
    if (this.target) dropMigrateSocket(this.server, this.target);
    const verb = what === "reading from" ? "reading" : "writing";
    const unconnected =
      how === "timeout" && this.target && !this.server.network.between(this.server, this.target);
    this.finish(
      unconnected
        ? "IOERR error or timeout connecting to the client"
        : `IOERR error or timeout ${verb} to target instance`,
    );
  }

  /** Deletes what the target has confirmed, and lets the source go on. */
  private finish(ioError?: string): void {
    const { server, task } = this;
    this.over = true;
    const kept = this.target && server.migrateSockets.get(this.target);
    if (kept) kept.db = this.error === undefined ? kept.db : -1;
    if (!task.options.copy && this.moved.length > 0) server.write({ kind: "delete", keys: this.moved });
    // A script goes on before anybody else has his turn.
    if (this.error) this.done(new Failure(`ERR Target instance replied with error: ${this.error}`));
    else if (ioError) this.done(new Failure(ioError));
    else this.done(OK);
    server.unblock();
  }
}
