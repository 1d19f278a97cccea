// Makes sure that node_modules is what package-lock.json says.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { ROOT, SetupError, cacheFolder, say } = require("./paths.cjs");
const { npm } = require("./node.cjs");
const { withLock } = require("./lock.cjs");

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

/** npm writes node_modules/.package-lock.json last, so a finished install can be told from an interrupted one. */
function isInstalled(root, lock) {
  let installed;
  try {
    installed = JSON.parse(
      fs.readFileSync(path.join(root, "node_modules", ".package-lock.json"), "utf8"),
    ).packages;
  } catch {
    return false;
  }
  const wanted = Object.entries(JSON.parse(lock).packages);
  // Packages for other platforms are optional and stay away.
  return wanted.every(([name, { version, optional, peer }]) => {
    if (name === "" || (installed[name] === undefined && (optional || peer))) return true;
    return installed[name]?.version === version;
  });
}

/** Runs `npm ci` unless the packages are there; a stamp in node_modules makes the usual case one small read. */
async function ensureModules(root = ROOT) {
  const lock = fs.readFileSync(path.join(root, "package-lock.json"), "utf8");
  const stampFile = path.join(root, "node_modules", ".redis-cluster-kit");
  const stamp = sha256(`${process.platform}-${process.arch} ${lock}`);
  const isStamped = () => fs.existsSync(stampFile) && fs.readFileSync(stampFile, "utf8") === stamp;
  if (isStamped()) return;
  if (isInstalled(root, lock)) return fs.writeFileSync(stampFile, stamp);
  const lockFile = path.join(cacheFolder(), "locks", `modules-${sha256(root).slice(0, 12)}.lock`);
  await withLock(lockFile, "installing npm packages", async () => {
    if (isStamped()) return;
    say("Installing npm packages (npm ci)");
    // No package needs its install script; those of two would fetch plugins of hundreds of MB from Pulumi's servers.
    // What runs TypeScript here is of development, and NODE_ENV=production or npm's own settings would leave it out.
    const args = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const run = npm(args, { cwd: root, stdio: ["ignore", 2, 2] });
    if (run.status !== 0) {
      const how =
        run.error?.message ?? (run.signal ? `was ended by ${run.signal}` : `ended with ${run.status}`);
      throw new SetupError(
        `npm ci ${how}`,
        "Its own words are above. Is the npm registry reachable (npm ping)?",
      );
    }
    fs.writeFileSync(stampFile, stamp);
  });
}

module.exports = { ensureModules, isInstalled };
