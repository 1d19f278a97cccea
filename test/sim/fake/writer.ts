/**
 * A client of the cluster that lives in the fake's own time: it follows MOVED and ASK, writes increasing numbers, reads
 * them back, and knows at the end which of them must be there. It makes no promises and no real time passes.
 */
import { ServedClient } from "./client-session";
import type { FakeCluster } from "./cluster";
import { slotOf } from "./database";
import { Random } from "./random";
import type { Server } from "./server";
import { Failure, type Value } from "./value";

/** Name of the writer's place in partitions. */
export const CLIENTS = "clients";

/** Bound on a reply, and the pause before something that failed is tried again, in ms. */
const REPLY_MS = 1000;
const RETRY_MS = 20;

interface Register {
  /** Value that the cluster has confirmed; undefined: none yet. */
  acked: number | undefined;
  /** Greatest value that was sent and may have been applied. */
  sent: number;
  busy: boolean;
}

interface Asked {
  readonly key: string;
  readonly argv: readonly string[];
  readonly onValue: (value: Value) => void;
  /** The write is not known to have happened; it is tried again. */
  attempts: number;
}

export interface WriterStats {
  readonly acked: number;
  readonly reads: number;
  readonly retries: number;
  /** Longest time from the first try of a command to its success, in ms. */
  readonly longestMs: number;
}

export class Writer {
  readonly wrong: string[] = [];
  private readonly registers = new Map<string, Register>();
  private readonly keys: readonly string[];
  private readonly connections = new Map<Server, ServedClient>();
  private readonly owners = new Map<number, Server>();
  private readonly random: Random;
  private stats = { acked: 0, reads: 0, retries: 0, longestMs: 0 };
  private stopped = false;

  /** @param tags hash tags of the keys, to aim at certain slots; default: keys spread over all slots */
  constructor(
    private readonly fake: FakeCluster,
    seed: number,
    options: { readonly keys?: number; readonly tags?: readonly string[]; readonly everyMs?: number } = {},
  ) {
    this.random = new Random(seed);
    const { keys = 40, tags } = options;
    this.keys = Array.from({ length: keys }, (_, i) => (tags ? `{${tags[i % tags.length]}}w${i}` : `w${i}`));
    for (const key of this.keys) this.registers.set(key, { acked: undefined, sent: 0, busy: false });
    const everyMs = options.everyMs ?? 5;
    const tick = () => {
      if (this.stopped) return;
      this.act();
      fake.scheduler.after(everyMs * (0.5 + this.random.next()), tick);
    };
    fake.scheduler.after(0, tick);
  }

  get summary(): WriterStats {
    return this.stats;
  }

  stop(): void {
    this.stopped = true;
  }

  private act(): void {
    const key = this.random.pick(this.keys);
    const register = this.registers.get(key);
    if (!register || register.busy) return;
    if (this.random.chance(0.3)) this.read(key, register);
    else this.write(key, register);
  }

  private write(key: string, register: Register): void {
    register.busy = true;
    register.sent += 1;
    const value = register.sent;
    this.ask(key, ["SET", key, String(value)], () => {
      register.acked = value;
      register.busy = false;
      this.stats.acked += 1;
    });
  }

  private read(key: string, register: Register): void {
    const before = register.acked;
    register.busy = true;
    this.ask(key, ["GET", key], (value) => {
      register.busy = false;
      this.stats.reads += 1;
      this.judge(key, value === null ? undefined : Number(value), before, register.sent, "read");
    });
  }

  private judge(
    key: string,
    found: number | undefined,
    least: number | undefined,
    most: number,
    how: string,
  ): void {
    if (least === undefined && found === undefined) return;
    if (found === undefined || found < (least ?? 0) || found > most) {
      this.wrong.push(`${how} ${key} (slot ${slotOf(key)}): ${found}, acknowledged ${least}, sent ${most}`);
    }
  }

  /** What every key must read when nothing is under way any more: judged in the servers' memory. */
  verify(): string[] {
    const wrong = [...this.wrong];
    for (const [key, register] of this.registers) {
      const owner = this.trueOwner(slotOf(key));
      if (!owner) {
        wrong.push(`nobody serves ${key}`);
        continue;
      }
      const entry = owner.db.get(key);
      const before = this.wrong.length;
      this.judge(
        key,
        entry ? Number(entry.value) : undefined,
        register.acked,
        register.sent,
        `${owner.name} has`,
      );
      wrong.push(...this.wrong.splice(before));
    }
    return wrong;
  }

  private trueOwner(slot: number): Server | undefined {
    return this.fake
      .allNodes()
      .map((node) => node.server)
      .find((server) => server?.alive && server.cluster.owners[slot] === server.cluster.myself);
  }

  private ask(key: string, argv: readonly string[], onValue: (value: Value) => void): void {
    const asked: Asked = { key, argv, onValue, attempts: 0 };
    const began = this.fake.scheduler.now();
    const done: Asked = {
      ...asked,
      onValue: (value) => {
        this.stats.longestMs = Math.max(this.stats.longestMs, this.fake.scheduler.now() - began);
        onValue(value);
      },
    };
    this.attempt(done, this.owners.get(slotOf(key)) ?? this.anyServer(), false);
  }

  private anyServer(): Server | undefined {
    const running = this.fake.allNodes().filter((node) => node.listening());
    return running.length > 0 ? this.random.pick(running).server : undefined;
  }

  private retry(asked: Asked): void {
    this.stats.retries += 1;
    this.owners.delete(slotOf(asked.key));
    if (this.stopped) return;
    this.fake.scheduler.after(RETRY_MS, () => this.attempt(asked, this.anyServer(), false));
  }

  private attempt(asked: Asked, server: Server | undefined, asking: boolean): void {
    const { scheduler, network } = this.fake;
    if (!server || !network.reachable(CLIENTS, server.name)) {
      this.retry(asked);
      return;
    }
    let over = false;
    const once = (next: () => void) => {
      if (over) return;
      over = true;
      next();
    };
    // A write whose reply is lost may have happened: it is tried again, and the register knows that it was sent.
    scheduler.after(REPLY_MS, () => once(() => this.retry(asked)));
    scheduler.after(network.latency(), () => {
      const connection =
        server.alive && network.reachable(CLIENTS, server.name) ? this.connection(server) : undefined;
      if (!connection) return once(() => this.retry(asked));
      if (asking) connection.request({ argv: ["ASKING"], reply: () => undefined });
      connection.request({
        argv: asked.argv,
        reply: (outcome) =>
          scheduler.after(network.latency(), () => once(() => this.answered(asked, server, outcome))),
      });
    });
  }

  private answered(asked: Asked, server: Server, outcome: Value | Failure): void {
    if (!(outcome instanceof Failure)) {
      if (!this.owners.has(slotOf(asked.key))) this.owners.set(slotOf(asked.key), server);
      asked.onValue(outcome);
      return;
    }
    const redirection = /^(MOVED|ASK) (\d+) (.*):(\d+)$/.exec(outcome.message);
    const target = redirection && this.fake.network.dataAt(redirection[3] ?? "", Number(redirection[4]));
    asked.attempts += 1;
    if (!redirection || !target || asked.attempts > 16) {
      this.retry({ ...asked, attempts: 0 });
      return;
    }
    if (redirection[1] === "MOVED") this.owners.set(Number(redirection[2]), target);
    this.attempt(asked, target, redirection[1] === "ASK");
  }

  private connection(server: Server): ServedClient {
    const known = this.connections.get(server);
    if (known?.open) return known;
    const made = new ServedClient(server, "10.0.0.2:50000", () => this.connections.delete(server));
    made.authenticated = true;
    this.connections.set(server, made);
    return made;
  }
}
