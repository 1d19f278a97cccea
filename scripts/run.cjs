// The door of every npm script: `node scripts/run.cjs TASK [args]`.
// 1. a Node that is new enough, then itself again under it; 2. npm packages; 3. scripts/tasks/TASK.ts.
// Plain JavaScript without packages, so that it runs on the machine's own Node (>= 18) in an empty clone.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { ROOT, cacheFolder } = require("./bootstrap/paths.cjs");
const { ensureNode } = require("./bootstrap/node.cjs");
const { ensureModules } = require("./bootstrap/modules.cjs");

const TASKS = path.join(__dirname, "tasks");
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
const TOGETHER_MS = 300;

function withFirstOnPath(folder) {
  const others = (process.env.PATH ?? "").split(path.delimiter).filter((entry) => entry !== folder);
  return [folder, ...others].join(path.delimiter);
}

/**
 * Runs this file again under `node` and ends as it ends. Of signals that come together (npm passes on what the terminal has
 * sent to all) one is passed on; scripts/signals.ts says what becomes of it.
 */
function again(node, origin) {
  const env = { ...process.env, PATH: withFirstOnPath(path.dirname(node)), REDIS_CLUSTER_KIT_NODE: origin };
  const child = spawn(node, [__filename, ...process.argv.slice(2)], { stdio: "inherit", env });
  const passedAt = {};
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (Date.now() - (passedAt[signal] ?? 0) < TOGETHER_MS) return;
      passedAt[signal] = Date.now();
      child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (signal === null) return resolve(code);
      for (const name of SIGNALS) process.removeAllListeners(name);
      process.kill(process.pid, signal);
    });
  });
}

async function main([task, ...args]) {
  const tasks = fs.readdirSync(TASKS).map((name) => name.replace(/\.ts$/, ""));
  if (!tasks.includes(task)) {
    process.stderr.write(`usage: node scripts/run.cjs TASK [args]\ntasks: ${tasks.join(", ")}\n`);
    return 2;
  }
  const { node, origin } = await ensureNode();
  if (node !== process.execPath) return again(node, origin);
  process.env.PATH = withFirstOnPath(path.dirname(node));
  process.env.REDIS_CLUSTER_KIT_NODE = origin;
  // Compiled code of packages is kept: loading @pulumi/pulumi takes 0.26 s instead of 0.40 s, in every process below us.
  process.env.NODE_COMPILE_CACHE ??= path.join(cacheFolder(), "compiled");
  await ensureModules();
  require("./ts.cjs");
  return require(path.join(TASKS, task)).main(args);
}

function explain(error) {
  const isExpected = error?.name === "UserError";
  process.stderr.write(`${isExpected ? error.message : (error?.stack ?? error)}\n`);
  return 1;
}

process.chdir(ROOT);
main(process.argv.slice(2))
  .catch(explain)
  .then((code) => {
    process.exitCode = code;
  });
