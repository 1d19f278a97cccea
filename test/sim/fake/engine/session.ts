/** One run of an engine against the fake: its connections, hosts and clock, which all end with it. */
import type { Connector } from "../../../../cluster/client";
import type { Clock } from "../../../../cluster/clock";
import type { Host, HostNode } from "../../../../hosts/host";
import type { FakeCluster } from "../cluster";
import { EngineKilled } from "../faults";
import type { FakeClient } from "./client";
import { fakeConnector } from "./connector";
import { FakeHost } from "./host";

export class EngineSession {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly killed: Promise<never>;
  readonly open = new Set<FakeClient>();
  dead = false;
  private die: (error: EngineKilled) => void = () => undefined;
  private readonly host: FakeHost;

  constructor(readonly cluster: FakeCluster) {
    this.killed = new Promise((_resolve, reject) => {
      this.die = reject;
    });
    // A session that nobody races against its own death must not count as an unhandled rejection.
    this.killed.catch(() => undefined);
    this.connector = fakeConnector(this);
    this.host = new FakeHost(this);
    const { scheduler } = cluster;
    this.clock = {
      now: () => scheduler.now(),
      sleep: (ms, signal) => this.guard(scheduler.sleep(ms, signal)),
    };
  }

  readonly hosts = (_node: HostNode): Host => this.host;

  hostFor(_node: HostNode): Host {
    return this.host;
  }

  /** A promise that stays silent once the engine is dead: a killed process has no `finally`. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => {
          if (!this.dead) resolve(value);
        },
        (error) => {
          if (!this.dead) reject(error);
        },
      );
    });
  }

  kill(at: string): void {
    if (this.dead) return;
    this.end();
    this.die(new EngineKilled(at));
  }

  /** Closes every connection, as the kernel does for an ended process. */
  end(): void {
    this.dead = true;
    for (const client of [...this.open]) client.abandon();
  }
}
