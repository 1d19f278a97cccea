/** The command line: parses, calls, prints, exits. Nothing else here knows of process.argv, stdout and exit codes. */
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import type { Answer, ExitCode } from "./answer";
import { wholeNumber } from "./arguments";
import { addBackupCommands } from "./backup-program";
import { applyCommand, type ChangeOptions, healCommand } from "./commands/apply";
import { doctor } from "./commands/doctor";
import { type DrillOptions, drillCommand } from "./commands/drill";
import { plan } from "./commands/plan";
import { status } from "./commands/status";
import { type DeclarationOptions, findTarget, type Target } from "./declaration";
import { explain } from "./errors";
import { addLoadCommand } from "./load-program";
import { addMonitoringCommands } from "./monitoring-program";
import { styleOf } from "./print/style";
import type { World } from "./world";

/** The world outside, so that tests can stand in for it. */
export interface Io extends Pick<World, "confirm" | "interruption" | "now"> {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** What stdout is. */
  readonly terminal: { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
  /** Current folder. */
  readonly directory: string;
  readonly version: string;
}

interface CommonOptions extends Pick<DeclarationOptions, "declaration" | "data" | "stack" | "cluster"> {
  readonly json?: boolean;
  readonly debug?: boolean;
}

type Body<Options> = (target: Target, options: Options, world: World) => Promise<Answer>;
type Execute = <Options>(body: Body<Options>, options: Options & CommonOptions) => Promise<void>;
/** For commands that are about no cluster. */
type ExecuteAlone = (
  body: (world: World) => Promise<Answer>,
  options: Pick<CommonOptions, "json">,
) => Promise<void>;

/** Runs one command line (without node and script) and returns its exit code. Never throws. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const secrets: string[] = [];
  const hide = (text: string) =>
    secrets.reduce((clean, secret) => clean.replaceAll(secret, "(not shown)"), text);
  const say = (line: string) => io.err(`${hide(line)}\n`);
  let exitCode: ExitCode = 2;
  const alone: ExecuteAlone = async (body, options) => {
    const { confirm, interruption, now, terminal, directory, version } = io;
    const isLive = terminal.isTTY === true && !options.json;
    const style = styleOf(terminal, io.env);
    const answer = await body({ say, confirm, interruption, now, isLive, style, directory, version });
    const text = options.json ? JSON.stringify(answer.json, null, 2) : answer.text(style);
    io.out(`${hide(text)}\n`);
    exitCode = answer.exitCode;
  };
  const execute: Execute = async (body, options) => {
    const target = await findTarget({ ...options, directory: io.directory, env: io.env }, say);
    secrets.push(...target.secrets.filter((secret) => secret !== ""));
    try {
      await alone((world) => body(target, options, world), options);
    } finally {
      await target.close();
    }
  };
  try {
    await build(io, execute, alone).parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    const failure = explain(error, argv.includes("--debug"));
    if (failure.text !== "") say(failure.text);
    return failure.exitCode;
  }
}

function build(io: Io, execute: Execute, alone: ExecuteAlone): Command {
  const program = new Command("redis-cluster-kit");
  program
    .description("Looks at a Redis Cluster that was declared with Pulumi, plans, heals and drills it.")
    .version(io.version)
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride();
  const command = (name: string, description: string) =>
    common(program.command(name).description(description));
  command("status", "how the cluster is (exit code 0: healthy, 1: not, 2: unreachable)").action(
    (options: CommonOptions) => execute(status, options),
  );
  command("plan", "what `up` would do, and why (exit code 0: nothing, 1: something, 2: unreachable)").action(
    (options: CommonOptions) => execute(plan, options),
  );
  command("doctor", "what is wrong, why it matters, and what `up` would do about it").action(
    (options: CommonOptions) => execute(doctor, options),
  );
  changing(command("apply", "bring the declaration about, as `up` does")).action(
    (options: CommonOptions & ChangeOptions) => execute(applyCommand, options),
  );
  changing(
    command("heal", "the same, but no node is added or removed, and no slot moves for balance"),
  ).action((options: CommonOptions & ChangeOptions) => execute(healCommand, options));
  drillOptions(
    changing(command("drill", "try a failover under writes, measure it, put everything back")),
  ).action((options: CommonOptions & DrillOptions) => execute(drillCommand, options));
  addMonitoringCommands<CommonOptions>(program, { common, onCluster: execute });
  addLoadCommand<CommonOptions>(program, { common, onCluster: execute });
  addBackupCommands<CommonOptions>(program, { common, onCluster: execute, alone });
  return program;
}

/** Options of every command. */
function common(command: Command): Command {
  return command
    .option("-s, --stack <name>", "Pulumi stack (default: the selected one, else dev)")
    .option("--cluster <name>", "which cluster, where the stack has several")
    .option("--declaration <file>", "the declaration as JSON, instead of asking Pulumi")
    .option("--data <directory>", "data directory of a local cluster, instead of asking Pulumi")
    .option("--json", "print JSON")
    .option("--debug", "show where an error happened")
    .exitOverride();
}

function changing(command: Command): Command {
  return command.option("-y, --yes", "do not ask before what can lose data or interrupts clients");
}

function drillOptions(command: Command): Command {
  return command
    .option("--crash", "kill the primary's process instead of handing it over")
    .option("--auto", "with --crash: leave the election to Redis instead of forcing a replica")
    .option("--shard <number>", "which shard, from 1", wholeNumber(1, 1000), 1)
    .option("--rate <writes>", "writes a second of the probe", wholeNumber(10, 2000), 400)
    .option("--svg <file>", "write a picture of the timeline");
}

/** For the launcher. */
export function start(version: string): void {
  const io: Io = {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    terminal: process.stdout,
    env: process.env,
    directory: process.cwd(),
    version,
    now: () => new Date(),
    interruption: onInterrupt,
    confirm: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
  };
  void run(process.argv.slice(2), io).then((exitCode) => {
    process.exitCode = exitCode;
  });
}

async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

/** The first signal asks to stop at the next safe point, a second one ends the process. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write("stopping at the next safe point; once more to stop at once\n");
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}
