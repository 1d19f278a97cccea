/** Whose lab is whose: a folder a lab, with its owner's process in it. What a killed run has left is cleared by the next. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../../../install/errors";
import { processStart } from "../../../../install/lock";
import { endGroup } from "./cgroups";
import { command, tryCommand } from "./command";
import { isTaken, removeNetwork } from "./network";

/** Begins the name of everything that is a lab's: folder, cgroup, network namespace, interface, machines. */
const PREFIX = "rck-lab-";
const LABS = 60;
/** A run writes its name right after it made the folder. */
const UNOWNED_MS = 60_000;

export interface Claim {
  /** "rck-lab-3" */
  readonly id: string;
  readonly folder: string;
  /** "10.77.103" */
  readonly prefix: string;
}

function claimOf(number: number): Claim {
  const id = `${PREFIX}${number}`;
  return { id, folder: join(tmpdir(), id), prefix: `10.77.${100 + number}` };
}

/** The first number that nobody uses; two runs never get the same. */
export async function claimLab(): Promise<Claim> {
  for (let number = 0; number < LABS; number++) {
    const claim = claimOf(number);
    if (await isTaken(claim.prefix)) continue;
    try {
      mkdirSync(claim.folder, { mode: 0o755 });
    } catch (error) {
      if (codeOf(error) === "EEXIST") continue;
      throw error;
    }
    const owner = { pid: process.pid, started: processStart(process.pid) };
    writeFileSync(join(claim.folder, "owner.json"), JSON.stringify(owner));
    return claim;
  }
  throw new Error(`all ${LABS} labs of this machine are in use (${join(tmpdir(), PREFIX)}*)`);
}

/** Clears what runs that are gone have left. */
export async function clearLeftovers(report: (line: string) => void): Promise<void> {
  for (let number = 0; number < LABS; number++) {
    const claim = claimOf(number);
    if (!existsSync(claim.folder) || isOwned(claim.folder)) continue;
    report(`Clearing ${claim.id}, which a run that was killed has left.`);
    await clearLab(claim);
  }
}

function isOwned(folder: string): boolean {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(folder, "owner.json"), "utf8"));
    const { pid, started } = owner as { pid?: unknown; started?: unknown };
    return typeof pid === "number" && processStart(pid) === started;
  } catch {
    const made = statSync(folder, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.mtimeMs < UNOWNED_MS;
  }
}

/** Ends its hosts, unmounts, removes network and folder. Safe to repeat, also where only parts are there. */
export async function clearLab({ id, folder }: Pick<Claim, "id" | "folder">): Promise<void> {
  await endGroup(id);
  for (const point of mountsBelow(folder)) await command(["umount", "--lazy", point]);
  for (const device of await disksBelow(folder)) await command(["losetup", "--detach", device]);
  await removeNetwork(id);
  removePropagated(id);
  if (mountsBelow(folder).length > 0) throw new Error(`${folder} still has mounts, so it is left alone`);
  rmSync(folder, { recursive: true, force: true });
}

/** Loop devices of files of the lab: what it gave its hosts as disks. */
async function disksBelow(folder: string): Promise<string[]> {
  const { code, stdout } = await tryCommand([
    "losetup",
    "--noheadings",
    "--list",
    "--output",
    "NAME,BACK-FILE",
  ]);
  if (code !== 0) return [];
  return stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([device = "", file = ""]) => (file.startsWith(`${folder}/`) ? [device] : []));
}

/** nspawn leaves a folder a machine where /run is no tmpfs. */
function removePropagated(id: string): void {
  const folder = "/run/systemd/nspawn/propagate";
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).filter((entry) => entry.startsWith(`${id}-`)))
    rmSync(join(folder, name), { recursive: true, force: true });
}

/** Deepest first. */
function mountsBelow(folder: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${folder}/`))
    .toSorted((one, other) => other.length - one.length);
}
