/** redis.conf from its template, and back again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quote, splitArguments } from "./quote";

/** What a node's redis.conf says of the node itself. */
export interface RedisConfNode {
  readonly name: string;
  /** IPv4 address to announce, and to bind unless `bind` says otherwise. */
  readonly host: string;
  readonly port: number;
  /** Absolute folder of the node's data. */
  readonly dir: string;
  /** Addresses to listen on. Default: `host`. */
  readonly bind?: readonly string[];
  /** Name of the file in `dir` that Redis keeps the cluster in. Default: `nodes-<port>.conf`, where nodes share a machine. */
  readonly nodesFile?: string;
}

export interface RedisConfSecrets {
  /** Without one the node asks for none and answers this machine only (protected mode). */
  readonly password?: string;
}

/** One line of a redis.conf: name and arguments. */
export type ConfLine = readonly [name: string, ...args: string[]];

const TEMPLATE = readFileSync(join(__dirname, "redis.conf.tmpl"), "utf8");
const DIRECTIVE_NAME = /^[a-z][a-z0-9_-]*$/;

/** Directives whose one value (as CONFIG GET gives it) is several arguments, and how many go on a line. */
const ARGUMENTS_PER_LINE: ReadonlyMap<string, number> = new Map([
  ["save", 2],
  ["client-output-buffer-limit", 4],
  ["rename-command", 2],
  ["oom-score-adj-values", Number.POSITIVE_INFINITY],
  ["latency-tracking-info-percentiles", Number.POSITIVE_INFINITY],
  ["shutdown-on-sigint", Number.POSITIVE_INFINITY],
  ["shutdown-on-sigterm", Number.POSITIVE_INFINITY],
]);

/**
 * The whole redis.conf of a node. `directives` are canonical names with values as CONFIG GET answers them. What is
 * written parses back to exactly that (`parseRedisConf`), whatever the values are. Contains the password: mode 0600.
 */
export function renderRedisConf(
  node: RedisConfNode,
  directives: Readonly<Record<string, string>>,
  secrets: RedisConfSecrets,
): string {
  const password = secrets.password;
  const values: NodeValues = {
    name: [node.name],
    bind: node.bind ?? [node.host],
    port: [String(node.port)],
    announceIp: [node.host],
    dir: [node.dir],
    nodesFile: [node.nodesFile ?? `nodes-${node.port}.conf`],
    password: password === undefined ? undefined : [password],
    protectedMode: [password === undefined ? "yes" : "no"],
  };
  const left = new Map(Object.entries(directives));
  const paragraphs = TEMPLATE.trim()
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.split("\n"));
  for (const line of paragraphs.flat()) refuseOwn(line, left);
  return `${paragraphs
    .map((lines) => fillParagraph(lines, values, left))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** Values for the placeholders, each the arguments it stands for; undefined drops the line. */
type NodeValues = Readonly<Record<string, readonly string[] | undefined>>;

/** A directive that the template writes from the node's facts cannot be declared as well: Redis would take the last. */
function refuseOwn(line: string, directives: ReadonlyMap<string, string>): void {
  const name = /^[a-z][a-z0-9-]*/.exec(line)?.[0];
  if (name === undefined || !directives.has(name) || line.includes("{{directive}}")) return;
  throw new Error(`redis.conf: ${name} is written by the kit and cannot be given as a directive`);
}

/** The lines of one paragraph, or none where only comments would be left. Takes what it writes out of `left`. */
function fillParagraph(lines: readonly string[], values: NodeValues, left: Map<string, string>): string[] {
  const filled = lines.map((line) => ({ comment: line.startsWith("#"), out: fillLine(line, values, left) }));
  const written = filled.some((line) => !line.comment && line.out.length > 0);
  const onlyComments = filled.every((line) => line.comment);
  return written || onlyComments ? filled.flatMap((line) => line.out) : [];
}

function fillLine(line: string, values: NodeValues, left: Map<string, string>): string[] {
  if (line.startsWith("#")) return [fillComment(line, values)];
  if (line === "{{rest}}") {
    const rest = [...left].sort(([one], [other]) => (one < other ? -1 : 1));
    return rest.flatMap(([name, value]) => renderDirective(name, value));
  }
  const [name = "", ...args] = splitArguments(line) ?? [];
  if (args[0] === "{{directive}}") {
    const value = left.get(name);
    left.delete(name);
    return value === undefined ? [] : renderDirective(name, value);
  }
  const filled = args.map((argument) => fillArgument(argument, values));
  return filled.includes(undefined) ? [] : [renderLine([name, ...filled.flatMap((list) => list ?? [])])];
}

function fillArgument(argument: string, values: NodeValues): readonly string[] | undefined {
  const whole = /^\{\{(\w+)\}\}$/.exec(argument)?.[1];
  if (whole !== undefined) return lookUp(whole, values);
  return [argument.replace(/\{\{(\w+)\}\}/g, (_, key: string) => (lookUp(key, values) ?? []).join(" "))];
}

function fillComment(line: string, values: NodeValues): string {
  const text = line.replace(/\{\{(\w+)\}\}/g, (_, key: string) => (lookUp(key, values) ?? []).join(" "));
  return text.replace(/\p{Cc}/gu, " ");
}

function lookUp(key: string, values: NodeValues): readonly string[] | undefined {
  if (!Object.hasOwn(values, key))
    throw new Error(`redis.conf: the template names {{${key}}}, which nothing fills`);
  return values[key];
}

/** The lines of one directive. A value that is several arguments is cut as Redis wants it. */
function renderDirective(name: string, value: string): string[] {
  if (!DIRECTIVE_NAME.test(name))
    throw new Error(`redis.conf: ${JSON.stringify(name)} is no directive's name`);
  // Nothing renamed is no line at all; of any other directive, nothing is an empty argument.
  if (name === "rename-command" && value === "") return [];
  const perLine = ARGUMENTS_PER_LINE.get(name);
  const args = perLine === undefined || value === "" ? [value] : splitArguments(value);
  if (!args) throw new Error(`redis.conf: the quotes of ${name} are unbalanced`);
  const lines: string[] = [];
  const size = Math.min(perLine ?? 1, args.length);
  for (let at = 0; at < args.length; at += size) lines.push(renderLine([name, ...args.slice(at, at + size)]));
  return lines;
}

function renderLine(line: readonly string[]): string {
  return line.map(quote).join(" ");
}

/**
 * The lines of a redis.conf with their arguments, comments and empty lines left out, names in lower case: read as Redis
 * reads them. Throws on a line whose quotes are unbalanced.
 */
export function parseRedisConf(text: string): ConfLine[] {
  const lines = text.split("\n").map((line) => line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ""));
  return lines.flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    const [name, ...args] = splitArguments(line) ?? [];
    if (name === undefined) throw new Error(`redis.conf: the quotes in line ${index + 1} are unbalanced`);
    return [[name.toLowerCase(), ...args] as const];
  });
}
