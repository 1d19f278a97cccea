/** The server's end of one client connection: commands run in order, and wait while the server can not serve them. */
import { dispatch, isWrite } from "./commands/dispatch";
import type { Server } from "./server";
import { Deferred, Failure, type Value } from "./value";

export interface Request {
  readonly argv: readonly string[];
  /** Called when the command has run, before its reply leaves. */
  readonly executed?: (() => void) | undefined;
  readonly reply: (outcome: Value | Failure) => void;
}

export class ServedClient {
  readonly id: number;
  readonly connectedMs: number;
  name = "";
  authenticated: boolean;
  asking = false;
  readOnly = false;
  open = true;
  lastCommand = "NULL";
  /** Commands of a MULTI that waits for its EXEC. */
  queued: { readonly commands: (readonly string[])[]; broken: boolean } | undefined;
  private readonly queue: Request[] = [];
  private running = false;
  private gone = false;

  constructor(
    readonly server: Server,
    readonly address: string,
    public onDisconnect: (reason: "closed") => void,
  ) {
    this.id = ++server.connections + 2;
    this.connectedMs = server.now();
    // From 6.0 who comes while no password is needed is the default user, and stays that when one is set.
    this.authenticated = server.release.acl && server.accounts.open;
    server.clients.add(this);
  }

  /** A command arrives. */
  request(request: Request): void {
    this.queue.push(request);
    this.proceed();
  }

  /** Runs what can run now. */
  proceed(): void {
    if (this.running) return;
    this.running = true;
    this.server.whenFree(() => {
      this.running = false;
      this.runQueue();
    });
  }

  private runQueue(): void {
    const { server } = this;
    while (this.open && !this.running) {
      const request = this.queue[0];
      if (!request) {
        if (this.gone) this.leave();
        return;
      }
      if (this.mustWaitForPause(request)) {
        server.scheduler.at(server.pausedUntilMs + 1, () => this.proceed());
        return;
      }
      this.queue.shift();
      this.run(request);
      if (server.busyUntilMs > server.now()) {
        this.proceed();
        return;
      }
    }
  }

  /** A manual failover under way: 5.0 serves nobody, 6.2 and later no writes. */
  private mustWaitForPause(request: Request): boolean {
    const { server } = this;
    if (!server.clientsPaused) return false;
    return !server.release.fastManualFailover || isWrite(request.argv);
  }

  private run(request: Request): void {
    let outcome: Value | Failure | Deferred;
    this.lastCommand = (request.argv[0] ?? "").toLowerCase();
    try {
      outcome = dispatch(this, request.argv);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      outcome = error;
    }
    request.executed?.();
    if (!(outcome instanceof Deferred)) {
      this.answer(request, outcome);
      return;
    }
    this.running = true;
    outcome.start((value) => {
      this.answer(request, value);
      this.running = false;
      this.proceed();
    });
  }

  /** A reply leaves when the server is done with the command. */
  private answer(request: Request, outcome: Value | Failure): void {
    const { server } = this;
    if (server.busyUntilMs > server.now()) {
      server.scheduler.at(server.busyUntilMs, () => {
        if (this.open && !this.gone && server.alive) request.reply(outcome);
      });
    } else if (this.open && !this.gone) request.reply(outcome);
  }

  /** Bytes that have arrived and wait to be run. */
  get waitingBytes(): number {
    return this.queue.reduce(
      (sum, { argv }) => argv.reduce((bytes, word) => bytes + word.length + 8, sum),
      0,
    );
  }

  /** Closed by the server, with everything that waits in it. */
  disconnect(reason: "closed"): void {
    if (!this.open) return;
    this.leave();
    this.queue.length = 0;
    if (!this.gone) this.onDisconnect(reason);
  }

  /** Closed by the client. What it sent before is read and run before the server sees the end. */
  close(): void {
    this.gone = true;
    if (this.queue.length === 0 && !this.running) this.leave();
  }

  private leave(): void {
    this.open = false;
    this.server.clients.delete(this);
  }
}
