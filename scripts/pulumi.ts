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

/** The stack that a command works on: named by option or environment, or selected before. */
function stackOf(args: string[], env: NodeJS.ProcessEnv): string | undefined {
  const at = args.findIndex((arg) => /^(-s|--stack)(=|$)/.test(arg));
  const named = at === -1 ? undefined : (args[at]?.split("=")[1] ?? args[at + 1]);
  const selected = () => selectedStack(env.PULUMI_HOME ?? "", PROJECT, join(ROOT, "Pulumi.yaml"));
  const asked = () => {
    const said = askPulumi(["stack", "--show-name"], env);
    return said.code === 0 ? said.stdout.trim() : undefined;
  };
  return named ?? (env.PULUMI_STACK || (selected() ?? asked()));
}

/**
 * The stack that a command works on. Where none is named or selected, `dev` is made if need be and selected, without a
 * word. Undefined for a command that needs no stack.
 */
export function selectStack(args: string[], env: NodeJS.ProcessEnv): string | undefined {
  const [command, next] = args;
  const choosesItself = command === "stack" && ["init", "select", "ls", "rm"].includes(next ?? "");
  const needsNone = command === undefined || command.startsWith("-") || WITHOUT_STACK.includes(command);
  if (needsNone || choosesItself || args.includes("--help") || args.includes("-h")) return undefined;
  const stack = stackOf(args, env);
  if (stack !== undefined) return stack;
  const said = askPulumi(["stack", "select", "--create", DEFAULT_STACK], env);
  if (said.code !== 0) throw refusal(`The stack "${DEFAULT_STACK}" cannot be selected`, said);
  return DEFAULT_STACK;
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
