import { spawn, spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { selectedStack } from "../install/backend";
import { UserError } from "../install/errors";
import { exitCodeOf } from "./signals";

/** The project's name in Pulumi.yaml, and where that is. */
export const PROJECT = "redis-cluster-kit";
export const ROOT = resolve(__dirname, "..");

/** The stack that commands work on when none is named or selected. */
export const DEFAULT_STACK = "dev";

/** Commands that need no stack, or choose one themselves. */
const WITHOUT_STACK = ["about", "help", "login", "logout", "new", "plugin", "version", "whoami"];

/** What a `pulumi` command said. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Asks `pulumi` something, without a terminal; `input` goes to its stdin, which is where secrets travel. */
export function askPulumi(args: string[], env: NodeJS.ProcessEnv, input = ""): Said {
  const run = spawnSync("pulumi", [...args, "--non-interactive"], {
    cwd: ROOT,
    env,
    input,
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (run.error !== undefined) throw run.error;
  return { code: run.status ?? 1, stdout: run.stdout, stderr: run.stderr };
}

/** Runs `pulumi` with our terminal; resolves to its exit code. Signals arrive once (see signals.ts). */
export function runPulumi(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return exitCodeOf(spawn("pulumi", args, { cwd: ROOT, env, stdio: "inherit" }));
}

/** True when a stack is named by option or environment, or was selected before. */
function hasStack(args: string[], env: NodeJS.ProcessEnv): boolean {
  if (env.PULUMI_STACK || args.some((arg) => /^(-s|--stack)(=|$)/.test(arg))) return true;
  const home = env.PULUMI_HOME ?? "";
  if (selectedStack(home, PROJECT, join(ROOT, "Pulumi.yaml")) !== undefined) return true;
  return askPulumi(["stack", "--show-name"], env).code === 0;
}

/** Selects the stack `dev`, made if need be, unless one is named or selected or the command needs none. Says nothing. */
export function selectDefaultStack(args: string[], env: NodeJS.ProcessEnv): void {
  const [command, next] = args;
  const choosesItself = command === "stack" && ["init", "select", "ls", "rm"].includes(next ?? "");
  if (command === undefined || command.startsWith("-") || WITHOUT_STACK.includes(command) || choosesItself)
    return;
  if (args.includes("--help") || args.includes("-h") || hasStack(args, env)) return;
  const said = askPulumi(["stack", "select", "--create", DEFAULT_STACK], env);
  if (said.code !== 0) throw refusal(`The stack "${DEFAULT_STACK}" cannot be selected`, said);
}

/** Turns what Pulumi says on stderr into an error with a cure. */
export function refusal(what: string, said: Said): UserError {
  const text = said.stderr.trim().replace(/^error: /gm, "");
  return new UserError(`${what}: ${text}`, /passphrase/.test(text) ? PASSPHRASE_CURE : "");
}

/** What to do when secrets cannot be read with the passphrase in use. */
export const PASSPHRASE_CURE =
  "The secrets in the stack's file (Pulumi.STACK.yaml: encryptionsalt, secure) or in its state were written with another " +
  "passphrase than the one in use. Set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE) to the one they were " +
  "written with. If the file came from somebody else and its secrets do not matter here, delete its `encryptionsalt` line " +
  "and its `secure` entries (`git checkout` of the file, if it had none), and run again.";
