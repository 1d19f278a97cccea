// One run at a time does one piece of set-up. The lock is a file that names its holder, so that a holder which died
// (SIGKILL, power cut) is noticed and its lock taken over. install/lock.ts follows the same rules in TypeScript.
const { spawnSync } = require("node:child_process");
const { randomBytes } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { SetupError, say } = require("./paths.cjs");

const WAIT_MS = 15 * 60_000;

/**
 * When a process started, in whatever form the system tells it; undefined if there is no such process. A killed one that its
 * parent has not yet noticed (a zombie: for ever, in a container without an init) counts as none.
 */
function startOf(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return undefined;
  }
  try {
    // Counted after the command name, which may itself hold blanks and brackets: the state, and field 22, the start.
    const fields = fs
      .readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return /^[ZX]/.test(fields[0]) ? undefined : fields[19];
  } catch {
    const ps = (field) =>
      spawnSync("ps", ["-o", `${field}=`, "-p", String(pid)], { encoding: "utf8" }).stdout?.trim();
    return /^[ZX]/.test(ps("stat") ?? "") ? undefined : ps("lstart") || "?";
  }
}

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function isDead(holder) {
  if (holder.host !== os.hostname()) return false;
  const started = startOf(holder.pid);
  return started === undefined || (started !== "?" && holder.started !== "?" && started !== holder.started);
}

/** Creates `file` with `mine` in it, whole or not at all; false if it exists. */
function create(file, mine) {
  const draft = `${file}.${mine.token}`;
  fs.writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/**
 * Replaces the lock of a dead holder. Whoever creates the claim file named after the dead holder's token may replace
 * it; if that one dies too, the next claim is made. Looking again after the claim keeps a slow second from taking a live lock.
 */
function takeOver(file, dead, mine) {
  for (let nth = 0; nth < 100; nth++) {
    const claim = `${file}.claim-${dead.token}-${nth}`;
    if (!create(claim, mine)) {
      const other = read(claim);
      if (other && isDead(other)) continue;
      return false;
    }
    const isStillDead = read(file)?.token === dead.token;
    if (isStillDead) {
      const draft = `${file}.${mine.token}`;
      fs.writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
      fs.renameSync(draft, file);
    }
    for (let old = 0; old <= nth; old++) fs.rmSync(`${file}.claim-${dead.token}-${old}`, { force: true });
    return isStillDead;
  }
  return false;
}

/** Runs `work` while holding `file`; waits for another run that lives, with one line about who it is. */
async function withLock(file, purpose, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const mine = {
    token: randomBytes(8).toString("hex"),
    pid: process.pid,
    started: startOf(process.pid),
    host: os.hostname(),
    purpose,
    since: new Date().toISOString(),
  };
  const giveUpAt = Date.now() + WAIT_MS;
  let told = false;
  while (!create(file, mine)) {
    const holder = read(file);
    if (holder && isDead(holder) && takeOver(file, holder, mine)) break;
    if (holder && !told && !isDead(holder)) {
      say(`Waiting for another run (process ${holder.pid}, since ${holder.since}): ${holder.purpose}`);
      told = true;
    }
    if (Date.now() > giveUpAt) {
      const seen = holder
        ? `process ${holder.pid} on ${holder.host}, since ${holder.since}`
        : "an unreadable file";
      throw new SetupError(
        `${purpose}: still locked after 15 minutes by ${seen}`,
        `If it is not running, delete ${file}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await work();
  } finally {
    if (read(file)?.token === mine.token) fs.rmSync(file, { force: true });
  }
}

module.exports = { withLock };
