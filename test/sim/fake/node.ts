/** One declared node: its place, its disk, and the process that may be running there. */
import type { DataState } from "../../../hosts/host";
import type { FakeCluster } from "./cluster";
import { type Disk, hasData } from "./disk";
import type { Random } from "./random";
import type { RedisVersion } from "./release";
import { Server } from "./server";

export interface Place {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly zone: string;
}

/** Time from exec to the first accepted connection, and to load what is on disk, in ms. */
const BOOT_MS = 30;
const LOAD_MS = 5;
const LOAD_BYTES_PER_MS = 200_000;

export class FakeNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly zone: string;
  disk: Disk = {};
  server: Server | undefined;
  /** Version of the binary that the next start uses. */
  installed: RedisVersion;
  private pids = 1000;

  constructor(
    readonly cluster: FakeCluster,
    place: Place,
    readonly random: Random,
    installed: RedisVersion,
  ) {
    this.name = place.name;
    this.host = place.host;
    this.port = place.port;
    this.busPort = place.busPort;
    this.zone = place.zone;
    this.installed = installed;
  }

  get confPath(): string {
    return `/var/lib/${this.name}/redis.conf`;
  }

  get running(): boolean {
    return this.server?.alive === true;
  }

  get data(): DataState {
    return hasData(this.disk) || this.running ? "present" : "empty";
  }

  /** The running server. @throws where none runs */
  get live(): Server {
    if (!this.server?.alive) throw new Error(`${this.name} does not run`);
    return this.server;
  }

  /** Starts the process. It accepts connections a little later, and answers them when its data is loaded. */
  spawn(): Server {
    if (this.server?.alive) return this.server;
    const server = new Server(this, this.pids++);
    this.server = server;
    const { scheduler, network } = this.cluster;
    scheduler.after(BOOT_MS * (0.5 + this.random.next()), () => {
      if (!server.alive) return;
      if ((this.disk.rdbFormat ?? 0) > server.release.rdbFormat) {
        // A downgrade: it can not read what the newer release has written, and ends.
        server.die(false);
        return;
      }
      network.listen(server);
      scheduler.after(LOAD_MS + server.db.bytes / LOAD_BYTES_PER_MS, () => server.ready());
    });
    return server;
  }

  listening(): boolean {
    return this.running && this.cluster.network.dataAt(this.host, this.port) === this.server;
  }

  /** Orderly end: the append-only file is complete, an RDB file is written where save points are set. */
  shutDown(): void {
    this.server?.shutDown(true);
  }

  /** kill -9 */
  kill(): void {
    this.server?.die(false);
  }

  /** The machine goes: what the kernel had not sent or written is gone with it. */
  powerOff(): void {
    this.server?.die(false, true);
  }

  /** The disk is replaced by an empty one. The process must not be running. */
  wipe(): void {
    if (this.running) throw new Error(`${this.name}: its process still runs`);
    this.disk = {};
  }
}
