// Where things are kept between runs, and how this part of the set-up talks. Plain JavaScript without packages: it runs
// on the machine's own Node (>= 18) before anything is installed. install/cache.ts gives the same folder (a test compares).
const os = require("node:os");
const path = require("node:path");

const NAME = "redis-cluster-kit";
const ROOT = path.resolve(__dirname, "..", "..");

/** The user's cache folder for this kit: REDIS_CLUSTER_KIT_CACHE, else the platform's usual place. */
function cacheFolder(env = process.env, platform = process.platform) {
  if (env.REDIS_CLUSTER_KIT_CACHE) return path.resolve(env.REDIS_CLUSTER_KIT_CACHE);
  const home = os.homedir();
  if (platform === "darwin") return path.join(home, "Library", "Caches", NAME);
  return path.join(env.XDG_CACHE_HOME || path.join(home, ".cache"), NAME);
}

/** One line about the set-up. Always stderr: stdout belongs to the command that is run. */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/** An error that is expected to happen to users: shown without a stack trace, with what to do about it. */
class SetupError extends Error {
  constructor(message, cure) {
    super(cure ? `${message}\n  ${cure}` : message);
    this.name = "UserError";
  }
}

module.exports = { ROOT, SetupError, cacheFolder, say };
