/** One connection a node, opened on demand, reopened after a loss, all under the run's client name. */
import { type ConnectOptions, type Connector, type NodeClient, UnreachableError } from "./client";
import type { ClusterSpec, NodeSpec } from "./spec";

export class Sessions {
  private readonly open = new Map<string, Promise<NodeClient>>();
  private closed = false;
  /** Declared first. */
  readonly passwords: readonly string[];

  constructor(
    spec: Pick<ClusterSpec, "password" | "previousPasswords">,
    private readonly connectorOf: (node: NodeSpec) => Connector,
    /** CLIENT SETNAME of every connection; the advisory lock is read from it. */
    readonly clientName: string,
    /** Bound on one reply, in ms. */
    private readonly replyTimeoutMs = 5_000,
  ) {
    this.passwords = [spec.password, ...spec.previousPasswords];
  }

  /** Rejects with UnreachableError or PasswordRefusedError. */
  client(node: NodeSpec): Promise<NodeClient> {
    const known = this.open.get(node.name);
    if (known) return known;
    const opening = this.connect(node);
    this.open.set(node.name, opening);
    opening.catch(() => this.drop(node.name, opening));
    return opening;
  }

  /** Runs `use` on the node's connection, once more on a new one where a kept connection turned out to be dead. */
  async withClient<T>(node: NodeSpec, use: (client: NodeClient) => Promise<T>): Promise<T> {
    const reused = this.open.has(node.name);
    const opening = this.client(node);
    try {
      return await use(await opening);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      this.drop(node.name, opening);
      if (!reused || error.reason === "timeout") throw error;
      return use(await this.client(node));
    }
  }

  /** A further connection, closed by the caller: for blocking or heavy work beside the shared one. */
  separate(node: NodeSpec, options: ConnectOptions = {}): Promise<NodeClient> {
    return this.connect(node, options);
  }

  forget(name: string): void {
    const known = this.open.get(name);
    if (known) this.drop(name, known);
  }

  /** For good: what still runs is refused, so that nothing of a run goes on without the lock that ends here. */
  close(): void {
    this.closed = true;
    for (const name of [...this.open.keys()]) this.forget(name);
  }

  private async connect(node: NodeSpec, options: ConnectOptions = {}): Promise<NodeClient> {
    const { clientName, replyTimeoutMs } = this;
    this.refuseClosed(node);
    const given = { clientName, replyTimeoutMs, ...options };
    const client = await this.connectorOf(node).connect(node, this.passwords, given);
    // Closed while it was being opened: nobody else would ever close this one, and it would hold the lock.
    if (this.closed) client.close();
    this.refuseClosed(node);
    return client;
  }

  private refuseClosed(node: NodeSpec): void {
    if (this.closed) throw new UnreachableError(node.name, "closed", "this run has ended");
  }

  private drop(name: string, opening: Promise<NodeClient>): void {
    if (this.open.get(name) === opening) this.open.delete(name);
    opening.then(
      (client) => client.close(),
      () => undefined,
    );
  }
}
