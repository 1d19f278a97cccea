import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { codeOf, UserError } from "./errors";

/** Who holds a lock. `started` tells a process from a later one with the same id. */
export const holderSchema = z.object({
  token: z.string(),
  pid: z.number(),
  started: z.string(),
  host: z.string(),
  purpose: z.string(),
  since: z.string(),
});
export type Holder = z.infer<typeof holderSchema>;

/** Defaults for waiting on a holder that lives. */
const WAIT_MS = 15 * 60_000;
const POLL_MS = 200;
const MAX_CLAIMS = 100;

/** What the system tells about a process that runs. */
interface ProcessFacts {
  /** When it started, as the system words it. */
  started: string;
  /** Name of its program: "pulumi". */
  name: string;
}

/**
 * Looks at process `pid`; undefined if there is none. A killed process that its parent has not yet noticed (a zombie: for
 * ever, in a container without an init) counts as none. "?" is what the system does not say.
 */
function lookAt(pid: number): ProcessFacts | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return undefined;
  }
  let state: string;
  let facts: ProcessFacts;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // PID (NAME) STATE ...: the name may itself hold blanks and brackets. The start is field 22.
    const nameEnd = stat.lastIndexOf(")");
    const fields = stat.slice(nameEnd + 2).split(" ");
    state = fields[0] ?? "?";
    facts = { started: fields[19] ?? "?", name: stat.slice(stat.indexOf("(") + 1, nameEnd) };
  } catch {
    const ps = (field: string) => {
      const run = spawnSync("ps", ["-o", `${field}=`, "-p", String(pid)], { encoding: "utf8" });
      return run.stdout?.trim() || "?";
    };
    state = ps("stat");
    facts = { started: ps("lstart"), name: ps("comm") };
  }
  return /^[ZX]/.test(state) ? undefined : facts;
}

/** When process `pid` started, as the system words it; undefined if there is no such process. */
export function processStart(pid: number): string | undefined {
  return lookAt(pid)?.started;
}

/** Name of the program that process `pid` runs ("pulumi"); undefined if there is no such process. */
export function processName(pid: number): string | undefined {
  return lookAt(pid)?.name;
}

/** True when the holder certainly no longer runs. A holder on another host (a shared home) is never called dead. */
export function isDead(holder: Pick<Holder, "pid" | "started" | "host">): boolean {
  if (holder.host !== hostname()) return false;
  const started = processStart(holder.pid);
  return started === undefined || (started !== "?" && holder.started !== "?" && started !== holder.started);
}

/** Reads a lock file; undefined when it is gone or not one. */
export function readHolder(file: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Creates `file` with `mine` in it, whole or not at all; false if it exists. */
function create(file: string, mine: Holder): boolean {
  const draft = `${file}.${mine.token}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Replaces the lock of a dead holder; false if somebody else did or does.
 * 1. Whoever creates the claim file named after the dead holder's token may replace it; if that one dies too, the next
 *    claim is made. 2. The lock is read again after the claim: a slow second must not take the first one's live lock.
 */
function takeOver(file: string, dead: Holder, mine: Holder): boolean {
  for (let nth = 0; nth < MAX_CLAIMS; nth++) {
    const claim = `${file}.claim-${dead.token}-${nth}`;
    if (!create(claim, mine)) {
      const other = readHolder(claim);
      if (other !== undefined && isDead(other)) continue;
      return false;
    }
    const isStillDead = readHolder(file)?.token === dead.token;
    if (isStillDead) {
      const draft = `${file}.${mine.token}`;
      writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
      renameSync(draft, file);
    }
    for (let old = 0; old <= nth; old++) rmSync(`${file}.claim-${dead.token}-${old}`, { force: true });
    return isStillDead;
  }
  return false;
}

async function acquire(file: string, mine: Holder, report: (line: string) => void, waitMs: number) {
  const giveUpAt = Date.now() + waitMs;
  let told = false;
  while (!create(file, mine)) {
    const holder = readHolder(file);
    if (holder !== undefined && isDead(holder)) {
      if (takeOver(file, holder, mine)) return;
    } else if (holder !== undefined && !told) {
      report(`Waiting for another run (process ${holder.pid}, since ${holder.since}): ${holder.purpose}`);
      told = true;
    }
    if (Date.now() > giveUpAt) throw stillLocked(file, mine.purpose, holder, waitMs);
    await sleep(POLL_MS);
  }
}

function stillLocked(file: string, purpose: string, holder: Holder | undefined, waitMs: number): UserError {
  const seen = holder
    ? `process ${holder.pid} on ${holder.host}, since ${holder.since} (${holder.purpose})`
    : "a file that cannot be read";
  return new UserError(
    `${purpose}: still locked after ${Math.round(waitMs / 1000)} s by ${seen}`,
    `If it is not running any more, delete ${file} and run again.`,
  );
}

/** Runs `work` while holding the lock `file`. Waits for a holder that lives, takes over from one that died. */
export async function withLock<T>(
  file: string,
  purpose: string,
  report: (line: string) => void,
  work: () => Promise<T>,
  waitMs: number = WAIT_MS,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const mine: Holder = {
    token: randomBytes(8).toString("hex"),
    pid: process.pid,
    started: processStart(process.pid) ?? "?",
    host: hostname(),
    purpose,
    since: new Date().toISOString(),
  };
  await acquire(file, mine, report, waitMs);
  try {
    return await work();
  } finally {
    if (readHolder(file)?.token === mine.token) rmSync(file, { force: true });
  }
}
