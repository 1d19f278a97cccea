/** The engine's end of a connection: commands leave in order, replies come in order, or do not come. */
import {
  type Argument,
  type Command,
  type NodeClient,
  RedisReplyError,
  type Reply,
  UnreachableError,
} from "../../../../cluster/client";
import { ServedClient } from "../client-session";
import type { MutationFault } from "../faults";
import { type LogEntry, showCommand } from "../log";
import { ENGINE } from "../network";
import type { Timer } from "../scheduler";
import type { Server } from "../server";
import { Failure, toBytes, toReply, type Value } from "../value";
import { isMutation } from "./mutations";
import type { EngineSession } from "./session";

interface Sent {
  readonly argv: readonly string[];
  readonly entry: LogEntry;
  readonly fault: MutationFault | undefined;
  readonly number: number;
  readonly settle: (outcome: Value | Failure | UnreachableError) => void;
  timer: Timer | undefined;
  done: boolean;
}

let ports = 40_000;

export class FakeClient implements NodeClient {
  passwordIndex = -1;
  private readonly served: ServedClient;
  private readonly waiting = new Set<Sent>();
  private closed = false;
  private lastThereMs = 0;
  private lastBackMs = 0;

  constructor(
    private readonly session: EngineSession,
    readonly node: string,
    private readonly server: Server,
    private readonly replyTimeoutMs: number,
  ) {
    ports = ports >= 60_000 ? 40_000 : ports + 1;
    this.served = new ServedClient(server, `10.0.0.1:${ports}`, () => this.broken("closed"));
    session.open.add(this);
  }

  async call(...command: [name: string, ...args: Argument[]]): Promise<Reply> {
    return this.single(command, false);
  }

  async callBinary(...command: [name: string, ...args: Argument[]]): Promise<Reply> {
    return this.single(command, true);
  }

  pipeline(commands: readonly Command[]): Promise<(Reply | RedisReplyError)[]> {
    return this.send(commands, false);
  }

  pipelineBinary(commands: readonly Command[]): Promise<(Reply | RedisReplyError)[]> {
    return this.send(commands, true);
  }

  private async single(command: Command, binary: boolean): Promise<Reply> {
    const [reply] = await this.send([command], binary);
    if (reply instanceof RedisReplyError) throw reply;
    if (reply === undefined) throw new Error("no reply in a settled pipeline");
    return reply;
  }

  private send(commands: readonly Command[], binary: boolean): Promise<(Reply | RedisReplyError)[]> {
    const { scheduler } = this.session.cluster;
    const replies: (Reply | RedisReplyError)[] = [];
    if (commands.length === 0) return Promise.resolve(replies);
    if (this.closed) {
      return Promise.reject(
        new UnreachableError(this.node, "closed", `connection lost during ${commands[0]?.[0]}`),
      );
    }
    return this.session.guard(
      scheduler.wait((resolve, reject) => {
        let left = commands.length;
        const sent: Sent[] = [];
        for (const [index, command] of commands.entries()) {
          if (this.session.dead) break;
          const settle = (outcome: Value | Failure | UnreachableError) => {
            if (outcome instanceof UnreachableError) return reject(outcome);
            replies[index] =
              outcome instanceof Failure
                ? new RedisReplyError(outcome.message, this.node, command[0])
                : toReply(outcome, binary);
            left -= 1;
            if (left === 0) resolve(replies);
          };
          const prepared = this.prepare(command.map(toBytes), settle);
          if (prepared) sent.push(prepared);
        }
        this.transmit(sent);
        if (this.session.dead) reject(new UnreachableError(this.node, "closed", "the engine is dead"));
      }),
    );
  }

  /** Counts and logs the command. Returns nothing where the engine dies before it leaves. */
  private prepare(argv: readonly string[], settle: Sent["settle"]): Sent | undefined {
    const { faults, log } = this.session.cluster;
    const counted = isMutation(argv) ? faults.next() : { number: 0, fault: undefined };
    if (counted.fault === "killBefore") {
      this.session.kill(`before change ${counted.number}: ${this.node} ${showCommand(argv)}`);
      return undefined;
    }
    const sent: Sent = {
      argv,
      entry: log.add(this.node, argv),
      settle,
      timer: undefined,
      done: false,
      ...counted,
    };
    this.waiting.add(sent);
    return sent;
  }

  private transmit(sent: readonly Sent[]): void {
    const { scheduler, network, faults } = this.session.cluster;
    const timeoutMs = this.replyTimeoutMs;
    const timer = scheduler.after(timeoutMs, () => {
      for (const each of sent) this.finish(each, () => this.lost("timeout", each));
    });
    for (const each of sent) each.timer = timer;
    if (this.session.dead && !faults.tailArrives()) return;
    this.lastThereMs = Math.max(scheduler.now() + network.latency(), this.lastThereMs);
    scheduler.at(this.lastThereMs, () => {
      if (!this.server.alive || !network.reachable(ENGINE, this.server.name)) return;
      for (const each of sent) {
        if (each.fault === "dropCommand") return this.broken("closed");
        this.served.request({
          argv: each.argv,
          executed: () => this.executed(each),
          reply: (outcome) => this.comeBack(each, outcome),
        });
      }
    });
  }

  private executed(sent: Sent): void {
    const { faults } = this.session.cluster;
    if (sent.fault === "killAfter") {
      this.session.kill(`after change ${sent.number}: ${this.node} ${showCommand(sent.argv)}`);
    } else if (sent.fault === "dropReply" || (sent.fault === undefined && faults.losesReply())) {
      sent.entry.outcome = "(reply lost)";
      // What arrived with it has run by then; the connection is gone for all of them.
      this.session.cluster.scheduler.after(0, () => this.broken("closed"));
      sent.done = true;
      this.waiting.delete(sent);
      sent.settle(this.lost("closed", sent));
    }
  }

  private comeBack(sent: Sent, outcome: Value | Failure): void {
    const { scheduler, network } = this.session.cluster;
    sent.entry.outcome = outcome;
    this.lastBackMs = Math.max(scheduler.now() + network.latency(), this.lastBackMs);
    scheduler.at(this.lastBackMs, () => {
      if (network.reachable(ENGINE, this.server.name)) this.finish(sent, () => outcome);
    });
  }

  private finish(sent: Sent, outcome: () => Value | Failure | UnreachableError): void {
    if (sent.done) return;
    sent.done = true;
    this.waiting.delete(sent);
    sent.settle(outcome());
    if (this.waiting.size === 0 && sent.timer) this.session.cluster.scheduler.cancel(sent.timer);
  }

  private lost(reason: "timeout" | "closed", sent: Sent): UnreachableError {
    const name = sent.argv[0] ?? "";
    const detail = reason === "timeout" ? `no answer to ${name}` : `connection lost during ${name}`;
    return new UnreachableError(this.node, reason, detail);
  }

  /** The connection is gone: what waits for a reply does not get one. */
  private broken(reason: "closed"): void {
    if (this.closed) return;
    this.shut();
    for (const sent of [...this.waiting]) this.finish(sent, () => this.lost(reason, sent));
  }

  private shut(): void {
    this.closed = true;
    this.session.open.delete(this);
    const { served } = this;
    this.session.cluster.scheduler.after(this.session.cluster.network.latency(), () => served.close());
  }

  close(): void {
    this.broken("closed");
  }

  /** The engine's process is gone; nobody is told anything. */
  abandon(): void {
    if (this.closed) return;
    this.shut();
    // The session is dead: it lets nothing through. But virtual time must not go on for those who wait no more.
    for (const sent of [...this.waiting]) this.finish(sent, () => this.lost("closed", sent));
  }
}
