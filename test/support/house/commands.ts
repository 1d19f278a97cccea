/** Commands that Markdown files tell people to type. */

/** One command line, without what it is piped into, its comment, and placeholders in brackets. */
export interface ToldCommand {
  readonly file: string;
  readonly words: readonly string[];
}

const BEGINNINGS = /^(\$ )?(npx redis-cluster-kit|redis-cluster-kit|npm (run|test)|pulumi)( |$)/;

/** Lines of fenced blocks, and texts in backticks, that begin as one of ours does. */
export function commandsIn(file: string, markdown: string): ToldCommand[] {
  const fenced = [...markdown.matchAll(/^ *```(?:sh|bash|console)?\n([\s\S]*?)^ *```/gm)].flatMap(
    ([, block = ""]) => block.replaceAll("\\\n", " ").split("\n"),
  );
  const inline = [...markdown.replaceAll(/^ *```[\s\S]*?^ *```/gm, "").matchAll(/`([^`]+)`/g)];
  // A command in the middle of a line, behind a pipe.
  const piped = [...fenced, ...inline.map(([, text = ""]) => text)].flatMap((line) =>
    line.split(/ \| | && |; /),
  );
  return piped
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => BEGINNINGS.test(line))
    .map((line) => line.replace(/^\$ /, "").replace(/(^| )(#|<|>).*$/, ""))
    .map((line) => ({ file, words: line.split(" ").filter((word) => word !== "") }));
}

/** Options of a command line, without values: "--to", "-s". */
export function optionsOf(words: readonly string[]): string[] {
  return words
    .filter((word) => /^--?[a-z]/.test(word))
    .map((word) => word.replace(/=.*$/, "").replace(/[.,:]$/, ""));
}
