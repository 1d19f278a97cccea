/** The one error that bad configuration throws: every problem at once, each with its cure. */

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** The key below the namespace, e.g. "shards" or "redis.maxmemory". */
  readonly property: string;
  /** What was found, as text that may be printed: secrets are replaced by `HIDDEN`. */
  readonly value: string;
  readonly expected: string;
  /** What to do about it, as an instruction. */
  readonly cure: string;
}

/** Stands in the place of a value that must not be printed. */
export const HIDDEN = "(not shown)";

/** Stands in the place of a value that is not there. */
export const ABSENT = "(nothing)";

/** Longest piece of a value that an error repeats, in characters. */
const PRINTED_LENGTH = 80;

/** Where a URL may carry a secret: user name and password, query. */
const URL_SECRETS = /(?<=:\/\/)[^\s"]*@|(?<=:\/\/[^\s"]*)\?[^\s"]*/g;

/** The value as it is printed: JSON on one line, without what URLs hide, cut to a readable length. */
export function printable(value: unknown): string {
  if (value === undefined) return ABSENT;
  const text = (JSON.stringify(value) ?? typeof value).replace(URL_SECRETS, HIDDEN);
  return text.length > PRINTED_LENGTH ? `${text.slice(0, PRINTED_LENGTH)}...` : text;
}

/** Thrown by `parseConfig`. `problems` is never empty; `message` prints all of them and no secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(describeProblems(problems));
    this.problems = problems;
  }
}

function describeProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const lines = problems.map(
    (problem) =>
      `  ${problem.property}: ${problem.value}\n    expected: ${problem.expected}\n    cure:     ${problem.cure}`,
  );
  return `The configuration has ${count}; nothing was changed.\n${lines.join("\n")}`;
}
