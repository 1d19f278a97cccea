/**
 * A lab of booted Debian servers on this machine: real systemd and sshd, addresses of their own, reached from here as
 * servers of somebody's are. Needs root; `whyNoLab` tells what is missing.
 */
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { SshServer } from "../../../../hosts/ssh/types";
import { type CommandOptions, type CommandResult, command } from "./command";
import { Container, type ContainerOptions } from "./container";
import { baseImage } from "./image";
import { type Claim, claimLab, clearLab, clearLeftovers } from "./leftovers";
import { cut, heal, type LabNetwork, makeNetwork } from "./network";

export { whyNoLab } from "./available";
export { baseImage } from "./image";

export interface LabOptions {
  /** Default 6. With 0 the lab is an empty network, for hosts that come by `add`. */
  readonly hosts?: number;
  /** One more host, `lab.bastion`. Default false. */
  readonly bastion?: boolean;
  /** Limit of each host's memory. /proc/meminfo inside still tells this machine's. Default none. */
  readonly memoryBytes?: number;
  readonly report?: (line: string) => void;
}

export interface LabHost {
  /** "h1" */
  readonly name: string;
  readonly address: string;
  /** "a", "b", "c", "a" … */
  readonly zone: string;
}

/** `admin` sudoes without a password, `operator` with the lab's `sudoPassword`. */
export type LabUser = "root" | "admin" | "operator";

const FIRST_ADDRESS = 10;
const BASTION_ADDRESS = 9;

/** The caller must `stop` it. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { hosts: count = 6, report = () => undefined } = options;
  await clearLeftovers(report);
  const image = await baseImage(report);
  const claim = await claimLab();
  const lab = new Lab(claim, await makeKeys(claim.folder), image);
  lab.clearOnSignals();
  try {
    await lab.start(count, options);
  } catch (error) {
    await lab.stop();
    throw error;
  }
  return lab;
}

interface LabKeys {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly sudoPassword: string;
  readonly passwordHash: string;
}

async function makeKeys(folder: string): Promise<LabKeys> {
  const file = join(folder, "key");
  await command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", file]);
  const sudoPassword = randomBytes(12).toString("hex");
  return {
    privateKey: readFileSync(file, "utf8"),
    publicKey: readFileSync(`${file}.pub`, "utf8").trim(),
    sudoPassword,
    passwordHash: (
      await command(["openssl", "passwd", "-6", "-stdin"], { stdin: `${sudoPassword}\n` })
    ).trim(),
  };
}

export class Lab {
  readonly hosts: LabHost[] = [];
  /** "rck-lab-3"; everything of this lab is named so. */
  readonly id: string;
  bastion: LabHost | undefined;
  /** Opens every user's door on every host. */
  readonly privateKey: string;
  readonly publicKey: string;
  readonly sudoPassword: string;
  readonly network: LabNetwork;
  /** Where everything of this lab is; it goes with the lab. */
  readonly folder: string;
  private readonly containers = new Map<string, Container>();
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly claim: Claim,
    private readonly keys: LabKeys,
    private readonly image: string,
  ) {
    this.id = claim.id;
    this.folder = claim.folder;
    this.privateKey = keys.privateKey;
    this.publicKey = keys.publicKey;
    this.sudoPassword = keys.sudoPassword;
    this.network = { namespace: claim.id, prefix: claim.prefix };
  }

  async start(count: number, options: LabOptions): Promise<void> {
    await makeNetwork(this.network);
    const named = Array.from({ length: count }, (_, index) => ({
      name: `h${index + 1}`,
      address: `${this.claim.prefix}.${FIRST_ADDRESS + index}`,
      zone: "abc"[index % 3] ?? "a",
    }));
    this.hosts.push(...named);
    if (options.bastion)
      this.bastion = { name: "bastion", address: `${this.claim.prefix}.${BASTION_ADDRESS}`, zone: "" };
    const all = [...named, ...(this.bastion ? [this.bastion] : [])];
    for (const host of all) await this.make(host, options);
    await Promise.all(all.map((host) => this.container(host).boot()));
  }

  /** One more host, not in `hosts`. `prepare` gets its root folder before it boots. Resolves when its init runs: sshd takes longer. */
  async add(host: LabHost, prepare: (root: string) => Promise<void>): Promise<void> {
    const container = await this.make(host, { upWhen: "init" });
    await prepare(container.root);
    await container.boot();
  }

  /** Ends a host and takes everything of it away, as if it had never been. */
  async remove(host: LabHost): Promise<void> {
    const container = this.container(host);
    await container.kill();
    await command(["umount", "--lazy", container.root]);
    this.containers.delete(host.name);
    rmSync(join(this.claim.folder, host.name), { recursive: true });
  }

  private async make(
    { name, address }: LabHost,
    { memoryBytes, upWhen }: LabOptions & Pick<ContainerOptions, "upWhen">,
  ): Promise<Container> {
    const folder = join(this.claim.folder, name);
    mkdirSync(folder);
    const container = new Container({
      name,
      machine: `${this.claim.id}-${name}`,
      group: `${this.claim.id}/${name}`,
      address,
      folder,
      image: this.image,
      network: this.network,
      authorizedKey: this.keys.publicKey,
      passwordHash: this.keys.passwordHash,
      memoryBytes,
      ...(upWhen === undefined ? {} : { upWhen }),
    });
    this.containers.set(name, container);
    await container.make();
    return container;
  }

  private container({ name }: Pick<LabHost, "name">): Container {
    const container = this.containers.get(name);
    if (!container) throw new Error(`the lab has no host ${name}`);
    return container;
  }

  /** How ssh reaches a host; the host key is the real one. */
  ssh(host: LabHost, user: LabUser = "admin"): SshServer & { readonly hostKey: string } {
    return { host: host.address, port: 22, user, hostKey: this.container(host).hostKey };
  }

  /** Runs a command on a host as root, not by way of ssh. Output. @throws Error for an exit code. */
  exec(host: LabHost, argv: readonly string[], options?: CommandOptions): Promise<string> {
    return this.container(host).exec(argv, options);
  }

  tryExec(host: LabHost, argv: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return this.container(host).tryExec(argv, options);
  }

  /** A shell script on a host, as root. */
  sh(host: LabHost, script: string, options?: CommandOptions): Promise<string> {
    return this.exec(host, ["/bin/sh", "-euc", script], options);
  }

  /** A file of this machine to a path on a host. */
  copyTo(host: LabHost, file: string, path: string): void {
    cpSync(file, join(this.claim.folder, host.name, "root", path));
  }

  reboot(host: LabHost): Promise<void> {
    return this.container(host).reboot();
  }

  /** Everything on these hosts ends at once; then they boot again, or with `stayOff` do not. */
  async powerCut(hosts: readonly LabHost[], { stayOff = false }: { stayOff?: boolean } = {}): Promise<void> {
    await Promise.all(hosts.map((host) => this.container(host).kill()));
    if (!stayOff) await this.boot(hosts);
  }

  async boot(hosts: readonly LabHost[]): Promise<void> {
    await Promise.all(hosts.map((host) => this.container(host).boot()));
  }

  /** A new ssh host key, as after a reinstallation. */
  async changeHostKey(host: LabHost): Promise<void> {
    await this.container(host).newHostKey();
    await this.exec(host, ["systemctl", "restart", "ssh"]);
  }

  /** No packet passes between these hosts and `others` (default: all other hosts; this machine still reaches everybody). */
  async cut(hosts: readonly LabHost[], others?: readonly LabHost[]): Promise<void> {
    const cutOff = new Set(hosts.map(({ name }) => name));
    const far = others ?? this.hosts.filter(({ name }) => !cutOff.has(name));
    const addresses = (list: readonly LabHost[]) => list.map(({ address }) => address);
    await cut(this.network, addresses(hosts), addresses(far));
  }

  /** This machine reaches these hosts no more; they reach each other. */
  async cutFromHere(hosts: readonly LabHost[]): Promise<void> {
    await cut(
      this.network,
      hosts.map(({ address }) => address),
      [`${this.claim.prefix}.1`],
    );
  }

  /** Takes back every `cut`. */
  heal(): Promise<void> {
    return heal(this.network);
  }

  /** A small disk of its own at `folder`, filled but for `freeBytes`; what was in the folder is hidden until `restoreDisk`. */
  async fillDisk(host: LabHost, folder: string, freeBytes = 0): Promise<void> {
    await this.exec(host, ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]);
    await this.sh(
      host,
      'size=$(df --output=avail -B1 "$1" | tail -1); head -c $((size - $2)) /dev/zero >"$1/filler" || true'
        .replaceAll('"$1', `"${folder}`)
        .replaceAll("$2", String(freeBytes)),
    );
  }

  async restoreDisk(host: LabHost, folder: string): Promise<void> {
    await this.exec(host, ["umount", folder]);
  }

  /** Ends all hosts and takes everything away. Safe to repeat. */
  stop(): Promise<void> {
    this.stopping ??= clearLab(this.claim).finally(() => {
      for (const signal of SIGNALS) process.off(signal, this.onSignal);
    });
    return this.stopping;
  }

  clearOnSignals(): void {
    for (const signal of SIGNALS) process.on(signal, this.onSignal);
  }

  private readonly onSignal = (signal: NodeJS.Signals) => {
    void this.stop().finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
  };
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
