/** One host of the lab: an overlay over the image, booted by systemd-nspawn with an address of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endGroup, limitMemory, makeGroup } from "./cgroups";
import { type CommandOptions, type CommandResult, command, tryCommand } from "./command";
import { LAB_USERS, ownerIn } from "./image";
import { inNetwork, LAB_BRIDGE, type LabNetwork } from "./network";

/** Six at once on two busy cores take their time. */
const BOOT_ATTEMPTS = 8;
const BOOT_MS = 90_000;

export interface ContainerOptions {
  /** "h1" */
  readonly name: string;
  /** Unique on this machine; also the name of its cgroup below the lab's. */
  readonly machine: string;
  readonly group: string;
  readonly address: string;
  /** Folder of this host's overlay and log. */
  readonly folder: string;
  readonly image: string;
  readonly network: LabNetwork;
  /** Public key of every user. */
  readonly authorizedKey: string;
  /** crypt(3) hash of `operator`'s password. */
  readonly passwordHash: string;
  readonly memoryBytes?: number | undefined;
  /** When a boot is over: sshd greets, or init runs. Default "ssh". */
  readonly upWhen?: "ssh" | "init";
}

export class Container {
  private child: ChildProcess | undefined;
  /** Host key as known_hosts has it, without the name. */
  hostKey = "";

  constructor(private readonly options: ContainerOptions) {}

  get root(): string {
    return join(this.options.folder, "root");
  }

  /** Mounts the overlay and writes what makes this host itself. */
  async make(): Promise<void> {
    const { folder, image } = this.options;
    for (const part of ["upper", "work", "root"]) mkdirSync(join(folder, part), { recursive: true });
    const layers = `lowerdir=${image},upperdir=${join(folder, "upper")},workdir=${join(folder, "work")}`;
    await command(["mount", "-t", "overlay", "overlay", "-o", layers, this.root]);
    this.writeIdentity();
    this.writeUsers();
    await this.newHostKey();
  }

  private writeIdentity(): void {
    const { machine, name, address, network } = this.options;
    const write = (path: string, text: string) => writeFileSync(join(this.root, path), text);
    write("etc/machine-id", `${randomBytes(16).toString("hex")}\n`);
    write("etc/hostname", `${name}\n`);
    write("etc/hosts", `127.0.0.1 localhost\n${address} ${name} ${machine}\n`);
    write(
      "etc/systemd/network/10-lab.network",
      `[Match]\nName=host0\n[Link]\nMACAddress=${hardwareAddress(address)}\n[Network]\nAddress=${address}/24\nGateway=${network.prefix}.1\nLinkLocalAddressing=no\n`,
    );
  }

  private writeUsers(): void {
    for (const [user, home] of Object.entries(LAB_USERS)) {
      const file = join(this.root, home, ".ssh/authorized_keys");
      const { uid, gid } = ownerIn(this.root, user);
      writeFileSync(file, `${this.options.authorizedKey}\n`, { mode: 0o600 });
      chownSync(file, uid, gid);
    }
    const shadow = join(this.root, "etc/shadow");
    const lines = readFileSync(shadow, "utf8").replace(
      /^operator:[^:]*:/m,
      () => `operator:${this.options.passwordHash}:`,
    );
    writeFileSync(shadow, lines);
  }

  /** Also for a host that has been booted: sshd reads its keys when it starts. */
  async newHostKey(): Promise<void> {
    const file = join(this.root, "etc/ssh/ssh_host_ed25519_key");
    await command(["rm", "-f", file, `${file}.pub`]);
    await command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", this.options.name, "-f", file]);
    this.hostKey = readFileSync(`${file}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
  }

  async boot(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.bootOnce();
      } catch (error) {
        // The kernel takes its time to remove the cable of a host that was killed, on a busy machine longer than one would wait.
        const cable = /veth interfaces \(([^:)]+)/.exec(String(error))?.[1];
        if (cable === undefined || attempt === BOOT_ATTEMPTS) throw error;
        await sleep(attempt * 200);
        // It may be gone by itself by now.
        await command(inNetwork(this.options.network, ["ip", "link", "delete", cable])).catch(
          () => undefined,
        );
      }
    }
  }

  private async bootOnce(): Promise<void> {
    const { folder, group, machine, memoryBytes, network } = this.options;
    const groups = makeGroup(group);
    if (memoryBytes !== undefined) limitMemory(groups, memoryBytes);
    const join_ = groups.map((path) => `echo $$ >${path}/cgroup.procs`).join(" && ");
    const nspawn = [
      ...inNetwork(network, [
        "systemd-nspawn",
        "--quiet",
        `--directory=${this.root}`,
        `--machine=${machine}`,
      ]),
      ...["--boot", `--network-bridge=${LAB_BRIDGE}`, "--register=no", "--keep-unit"],
      ...["--link-journal=no", "--resolv-conf=off", "--timezone=off"],
    ];
    const log = openSync(join(folder, "boot.log"), "w");
    this.child = spawn("/bin/sh", ["-c", `${join_} && exec "$@"`, "sh", ...nspawn], {
      detached: true,
      stdio: ["ignore", log, log],
      env: { PATH: process.env.PATH, LC_ALL: "C", container: "" },
    });
    closeSync(log);
    this.child.unref();
    await this.waitUp();
  }

  private async isUp(): Promise<boolean> {
    const { address, upWhen = "ssh" } = this.options;
    return this.findLeader() !== undefined && (upWhen === "init" || (await greets(address)));
  }

  /** Resolves when the host is up. @throws Error with the end of the boot's log. */
  async waitUp(): Promise<void> {
    const deadline = performance.now() + BOOT_MS;
    while (!(await this.isUp())) {
      const ended = this.child?.exitCode ?? this.child?.signalCode ?? undefined;
      if (ended !== undefined || performance.now() > deadline) {
        const log = readFileSync(join(this.options.folder, "boot.log"), "utf8");
        const why = ended === undefined ? `no ssh after ${BOOT_MS / 1000} s` : `nspawn ended (${ended})`;
        throw new Error(`${this.options.machine}: ${why}\n${log.trim().split("\n").slice(-15).join("\n")}`);
      }
      await sleep(50);
    }
  }

  /** Pid, on this machine, of the host's init. */
  findLeader(): number | undefined {
    const parent = this.child?.pid;
    if (parent === undefined) return undefined;
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map((entry) => ({ pid: Number(entry), stat: statOf(entry) }))
      .find(({ stat }) => stat?.parent === parent && stat.name === "systemd")?.pid;
  }

  async exec(argv: readonly string[], options?: CommandOptions): Promise<string> {
    return command(this.inside(argv), options);
  }

  async tryExec(argv: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return tryCommand(this.inside(argv), options);
  }

  private inside(argv: readonly string[]): string[] {
    const leader = this.findLeader();
    if (leader === undefined) throw new Error(`${this.options.machine} is not running`);
    const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return ["nsenter", "--all", `--target=${leader}`, "--", "env", "-i", path, "LC_ALL=C", ...argv];
  }

  /** In order, as an administrator does it: services are stopped first. */
  async reboot(): Promise<void> {
    const child = this.child;
    await this.exec(["systemctl", "reboot"]);
    // Without a unit of its own nspawn ends instead of starting the host again.
    const deadline = performance.now() + BOOT_MS;
    while (child && child.exitCode === null && child.signalCode === null) {
      if (performance.now() > deadline)
        throw new Error(`${this.options.machine}: still up ${BOOT_MS / 1000} s after reboot`);
      await sleep(50);
    }
    await this.kill();
    await this.boot();
  }

  /** Every process ends at once, without a signal that it could handle. What the kernel had not written to disk yet is not lost. */
  async kill(): Promise<void> {
    await endGroup(this.options.group);
    const child = this.child;
    this.child = undefined;
    if (child && child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once("exit", resolve));
  }
}

/** The same for every host that ever has an address, as in a cloud: what its neighbours know of it stays true. */
function hardwareAddress(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `02:00:${bytes.join(":")}`;
}

function statOf(pid: string): { parent: number; name: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    const parent = Number(stat.slice(end + 2).split(" ")[1]);
    return { parent, name: stat.slice(stat.indexOf("(") + 1, end) };
  } catch {
    return undefined;
  }
}

/** Whether an ssh server answers there. */
function greets(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    const end = (answer: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(false), 1_000);
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
    socket.once("data", (data) => end(data.toString("latin1").startsWith("SSH-")));
  });
}
