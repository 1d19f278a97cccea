/** Looks at a few nodes many times a second and tells the first time that something is seen. */
import type { NodeClient } from "../client";
import type { Clock } from "../clock";
import { parseClusterNodes } from "../parse";
import type { NodeSpec } from "../spec";

export interface WatchOptions {
  /** Who may take over. */
  readonly replicas: readonly NodeSpec[];
  /** Primaries of other shards: they vote, and see the old primary fail. */
  readonly witnesses: readonly NodeSpec[];
  /** Redis node id of the primary that is handed over or killed. */
  readonly primaryId: string;
  readonly connect: (node: NodeSpec) => Promise<NodeClient>;
  readonly clock: Clock;
  readonly onSight: (sight: Sight) => void;
}

/** `suspected`: one node misses it (PFAIL); `failed`: a majority does (FAIL); `elected`: `node` owns slots as a primary. */
export type Sight = { readonly kind: "suspected" | "failed" | "elected"; readonly node: string };

/** Pause between two looks at a replica and at a witness, in ms: the resolution of what is measured. */
const REPLICA_EVERY_MS = 5;
const WITNESS_EVERY_MS = 10;

export class Watch {
  private readonly stopping = new AbortController();
  private readonly seen = new Set<Sight["kind"]>();
  private watchers: Promise<void>[] = [];
  /** Who took over, once that was seen. */
  elected: NodeSpec | undefined;

  constructor(private readonly options: WatchOptions) {}

  start(): void {
    const { replicas, witnesses } = this.options;
    this.watchers = [
      ...replicas.map((node) => this.keepLooking(node, REPLICA_EVERY_MS)),
      ...witnesses.map((node) => this.keepLooking(node, WITNESS_EVERY_MS)),
    ];
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.watchers);
  }

  private async keepLooking(node: NodeSpec, everyMs: number): Promise<void> {
    const { connect, clock } = this.options;
    let client: NodeClient | undefined;
    while (!this.stopping.signal.aborted) {
      try {
        client ??= await connect(node);
        this.judge(node, String(await client.call("CLUSTER", "NODES")));
      } catch {
        // Not to be seen just now; the others are looked at, too.
        client?.close();
        client = undefined;
      }
      await clock.sleep(everyMs, this.stopping.signal).catch(() => undefined);
    }
    client?.close();
  }

  private judge(node: NodeSpec, text: string): void {
    const { myself, peers } = parseClusterNodes(text);
    const old = peers.find((peer) => peer.id === this.options.primaryId);
    if (old?.flags.includes("fail?")) this.tell("suspected", node.name);
    if (old?.flags.includes("fail")) this.tell("failed", node.name);
    const isReplica = this.options.replicas.includes(node);
    if (isReplica && myself.flags.includes("master") && myself.slots.length > 0) {
      this.elected ??= node;
      this.tell("elected", node.name);
    }
  }

  private tell(kind: Sight["kind"], node: string): void {
    if (this.seen.has(kind)) return;
    this.seen.add(kind);
    this.options.onSight({ kind, node });
  }
}
