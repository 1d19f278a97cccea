/** The places where the fake's nodes live: processes and files, by the rules of hosts/host.ts. */
import { createHash } from "node:crypto";
import type { Host, HostFacts, HostNode, StopOptions } from "../../../../hosts/host";
import { ENGINE } from "../network";
import type { FakeNode } from "../node";
import type { EngineSession } from "./session";

/** Pause between two looks at a process that starts or ends. */
const LOOK_MS = 10;

export class FakeHost implements Host {
  constructor(private readonly session: EngineSession) {}

  inspect(node: HostNode): Promise<HostFacts> {
    return this.later(() => {
      const fake = this.find(node);
      if (!this.reachable(fake))
        return { process: "unknown", data: "unknown", detail: "host does not answer" };
      const { conf } = fake.disk;
      return {
        process: fake.running ? "running" : "stopped",
        data: fake.data,
        ...(fake.running ? { pid: fake.live.pid } : {}),
        installedVersion: fake.installed,
        ...(conf ? { configSha256: createHash("sha256").update(JSON.stringify(conf)).digest("hex") } : {}),
      };
    });
  }

  async preflight(_nodes: readonly HostNode[]): Promise<void> {
    await this.later(() => undefined);
  }

  prepare(node: HostNode): Promise<boolean> {
    return this.change(node, "prepare", (fake) => this.session.cluster.prepare(fake));
  }

  async start(node: HostNode): Promise<void> {
    const fake = await this.change(node, "start", (each) => {
      this.session.cluster.prepare(each);
      each.spawn();
      return each;
    });
    await this.poll(`${node.name} to accept connections`, 30_000, () => fake.listening());
  }

  async stop(node: HostNode, options: StopOptions = {}): Promise<void> {
    const fake = await this.change(node, options.kill ? "kill" : "stop", (each) => {
      if (options.kill) each.kill();
      else each.shutDown();
      return each;
    });
    await this.poll(`${node.name} to end`, options.timeoutMs ?? 30_000, () => !fake.running);
  }

  async purge(node: HostNode): Promise<void> {
    await this.change(node, "purge", (fake) => fake.wipe());
  }

  probe(
    from: HostNode,
    address: string,
    port: number,
    timeoutMs: number,
  ): Promise<"open" | "refused" | "timeout"> {
    const { network, scheduler } = this.session.cluster;
    return this.session.guard(
      scheduler.wait((resolve) => {
        const there = network.dataAt(address, port) ?? network.busAt(address, port);
        if (there && !network.reachable(this.find(from).name, there.name)) {
          scheduler.after(timeoutMs, () => resolve("timeout"));
        } else scheduler.after(network.latency() * 2, () => resolve(there ? "open" : "refused"));
      }),
    );
  }

  logTail(_node: HostNode, _lines: number): Promise<string> {
    return this.later(() => "");
  }

  async close(): Promise<void> {}

  private find(node: HostNode): FakeNode {
    return this.session.cluster.node(node.name);
  }

  private reachable(fake: FakeNode): boolean {
    return this.session.cluster.network.reachable(ENGINE, fake.name);
  }

  private later<T>(look: () => T): Promise<T> {
    const { scheduler, network } = this.session.cluster;
    return this.session.guard(
      scheduler.wait((resolve, reject) => {
        scheduler.after(network.latency() * 2, () => {
          try {
            resolve(look());
          } catch (error) {
            reject(error);
          }
        });
      }),
    );
  }

  /** An action that changes the host: it counts for the faults. */
  private change<T>(node: HostNode, what: string, act: (fake: FakeNode) => T): Promise<T> {
    const { faults, log } = this.session.cluster;
    const { number, fault } = faults.next();
    if (fault === "killBefore") {
      this.session.kill(`before change ${number}: ${node.name} host ${what}`);
      return new Promise(() => undefined);
    }
    const entry = log.add(node.name, ["host", what]);
    return this.later(() => {
      const fake = this.find(node);
      if (!this.reachable(fake)) throw new Error(`${node.name}: host does not answer`);
      const result = act(fake);
      entry.outcome = "done";
      if (fault === "killAfter") this.session.kill(`after change ${number}: ${node.name} host ${what}`);
      if (fault === "dropReply" || fault === "dropCommand")
        throw new Error(`${node.name}: connection to the host lost`);
      return result;
    });
  }

  private async poll(what: string, timeoutMs: number, holds: () => boolean): Promise<void> {
    const { scheduler } = this.session.cluster;
    const end = scheduler.now() + timeoutMs;
    while (!holds()) {
      if (scheduler.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
      await this.session.clock.sleep(LOOK_MS);
    }
  }
}
