/** A cluster client of a few lines, so that a test sees every redirection and knows which writes were acknowledged. */
import calculateSlot from "cluster-key-slot";
import {
  type Argument,
  type NodeClient,
  RedisReplyError,
  type Reply,
  UnreachableError,
} from "../../cluster/client";
import { systemClock } from "../../cluster/clock";
import { ioredisConnector } from "../../cluster/connection";

const ATTEMPTS = 400;
const RETRY_MS = 25;

export interface RedirectCounts {
  moved: number;
  ask: number;
  tryAgain: number;
  down: number;
  unreachable: number;
}

export function noRedirects(): RedirectCounts {
  return { moved: 0, ask: 0, tryAgain: 0, down: 0, unreachable: 0 };
}

/** Follows MOVED and ASK, retries TRYAGAIN, CLUSTERDOWN and lost connections. */
export class SlotClient {
  counts: RedirectCounts = noRedirects();
  private readonly clients = new Map<string, Promise<NodeClient>>();
  private readonly owners = new Map<number, string>();

  /** `seeds`: host:port. */
  constructor(
    private readonly seeds: readonly string[],
    private readonly password: string | undefined,
    private readonly replyTimeoutMs = 5000,
  ) {}

  /**
   * Binary replies. `onRetry` is called where a command may have been executed although no answer came.
   * @throws RedisReplyError for any other error reply; Error after 10 s of retries.
   */
  async command(key: Buffer | string, name: string, ...args: Argument[]): Promise<Reply> {
    const slot = calculateSlot(key);
    let address = this.owners.get(slot) ?? this.seeds[slot % this.seeds.length] ?? "";
    let asking = false;
    let last = "";
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const reply = await this.send(address, asking, name, args);
        return reply;
      } catch (error) {
        last = String(error);
        const next = await this.after(error, slot, address);
        address = next.address;
        asking = next.asking;
      }
    }
    throw new Error(`${name}: gave up after ${ATTEMPTS} attempts, last: ${last}`);
  }

  /** Asks a seed for the owners of all slots, as cluster clients do when they start. */
  async learnOwners(): Promise<void> {
    const client = await this.client(this.seeds[0] ?? "");
    const ranges = (await client.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    for (const [start, end, [host, port]] of ranges)
      for (let slot = start; slot <= end; slot++) this.owners.set(slot, `${host}:${port}`);
  }

  close(): void {
    for (const client of this.clients.values())
      client.then(
        (open) => open.close(),
        () => undefined,
      );
    this.clients.clear();
  }

  private async send(address: string, asking: boolean, name: string, args: Argument[]): Promise<Reply> {
    const client = await this.client(address);
    if (!asking) return client.callBinary(name, ...args);
    const [, reply] = await client.pipelineBinary([["ASKING"], [name, ...args]]);
    if (reply instanceof RedisReplyError) throw reply;
    return reply ?? null;
  }

  private async after(
    error: unknown,
    slot: number,
    address: string,
  ): Promise<{ address: string; asking: boolean }> {
    if (error instanceof UnreachableError) {
      this.counts.unreachable++;
      this.drop(address);
      await systemClock.sleep(RETRY_MS);
      this.owners.delete(slot);
      const at = Math.floor(Math.random() * this.seeds.length);
      return { address: this.seeds[at] ?? address, asking: false };
    }
    if (!(error instanceof RedisReplyError)) throw error;
    const to = error.message.split(" ")[2] ?? address;
    if (error.code === "MOVED") {
      this.counts.moved++;
      this.owners.set(slot, to);
      return { address: to, asking: false };
    }
    if (error.code === "ASK") {
      this.counts.ask++;
      return { address: to, asking: true };
    }
    if (!/^(TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN)$/.test(error.code)) throw error;
    if (error.code === "TRYAGAIN") this.counts.tryAgain++;
    else this.counts.down++;
    await systemClock.sleep(RETRY_MS);
    return { address, asking: false };
  }

  private client(address: string): Promise<NodeClient> {
    const known = this.clients.get(address);
    if (known) return known;
    const [host = "", port = "0"] = address.split(":");
    const passwords = this.password === undefined ? [] : [this.password];
    const options = { replyTimeoutMs: this.replyTimeoutMs };
    const opening = ioredisConnector().connect(
      { name: address, host, port: Number(port) },
      passwords,
      options,
    );
    this.clients.set(address, opening);
    opening.catch(() => this.clients.delete(address));
    return opening;
  }

  private drop(address: string): void {
    this.clients.get(address)?.then(
      (client) => client.close(),
      () => undefined,
    );
    this.clients.delete(address);
  }
}
