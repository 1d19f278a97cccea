/** The command line: parses, calls, prints, exits. Nothing else here knows of process.argv, stdout and exit codes. */
import { Command } from "commander";
import type { Answer, ExitCode } from "./answer";
import { plan } from "./commands/plan";
import { status } from "./commands/status";
import { type DeclarationOptions, findTarget, type Target } from "./declaration";
import { explain } from "./errors";
import { styleOf } from "./print/style";

/** The world outside, so that tests can stand in for it. */
export interface Io {
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

type Body = (target: Target, options: CommonOptions) => Promise<Answer>;

/** Runs one command line (without node and script) and returns its exit code. Never throws. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const secrets: string[] = [];
  const hide = (text: string) =>
    secrets.reduce((clean, secret) => clean.replaceAll(secret, "(not shown)"), text);
  let exitCode: ExitCode = 2;
  const execute = async (body: Body, options: CommonOptions): Promise<void> => {
    const style = styleOf(io.terminal, io.env);
    const report = (line: string) => io.err(`${hide(line)}\n`);
    const target = await findTarget({ ...options, directory: io.directory, env: io.env }, report);
    secrets.push(...target.secrets.filter((secret) => secret !== ""));
    try {
      const answer = await body(target, options);
      io.out(`${hide(options.json ? JSON.stringify(answer.json, null, 2) : answer.text(style))}\n`);
      exitCode = answer.exitCode;
    } finally {
      await target.close();
    }
  };
  const program = build(io, execute);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    const failure = explain(error, argv.includes("--debug"));
    if (failure.text !== "") io.err(`${hide(failure.text)}\n`);
    return failure.exitCode;
  }
  return exitCode;
}

function build(io: Io, execute: (body: Body, options: CommonOptions) => Promise<void>): Command {
  const program = new Command("redis-cluster-kit");
  program
    .description("Looks at a Redis Cluster that was declared with Pulumi, plans, heals and drills it.")
    .version(io.version)
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride()
    .showSuggestionAfterError();
  const command = (name: string, description: string, body: Body) =>
    common(program.command(name).description(description)).action((options: CommonOptions) =>
      execute(body, options),
    );
  command("status", "how the cluster is (exit code: 0 healthy, 1 not healthy, 2 unreachable)", status);
  command("plan", "what `up` would do, and why (exit code: 0 nothing, 1 something, 2 unreachable)", plan);
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

/** For the launcher. */
export function start(version: string): void {
  const io: Io = {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    terminal: process.stdout,
    env: process.env,
    directory: process.cwd(),
    version,
  };
  void run(process.argv.slice(2), io).then((exitCode) => {
    process.exitCode = exitCode;
  });
}
