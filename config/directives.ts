/** What is known of redis.conf directives, by name and version. */
import { closest, distance } from "fastest-levenshtein";
import { CLIENT_DIRECTIVES } from "./directives/clients";
import { CLUSTER_DIRECTIVES } from "./directives/cluster";
import { MEMORY_DIRECTIVES } from "./directives/memory";
import { OWNED_DIRECTIVES } from "./directives/owned";
import { PERSISTENCE_DIRECTIVES } from "./directives/persistence";
import type { Directive, DirectiveType, Line, Live } from "./directives/types";

export type { Directive, DirectiveType, Line } from "./directives/types";

/** Release lines from the oldest. */
export const LINES: readonly Line[] = ["5.0", "6.2", "7.0"];

/** Every directive of every line. */
export const DIRECTIVES: readonly Directive[] = [
  ...CLUSTER_DIRECTIVES,
  ...PERSISTENCE_DIRECTIVES,
  ...MEMORY_DIRECTIVES,
  ...CLIENT_DIRECTIVES,
  ...OWNED_DIRECTIVES,
];

const BY_NAME: ReadonlyMap<string, Directive> = new Map(
  DIRECTIVES.flatMap((entry) =>
    [entry.name, ...entry.aliases.map((alias) => alias.name)].map((name) => [name, entry]),
  ),
);

/** A directive as one version of Redis knows it. */
export interface DirectiveInfo {
  /** The name to use with this version: `replica-...` rather than `slave-...`, listpack from 7.0, ziplist before. */
  readonly name: string;
  readonly type: DirectiveType;
  /** Whether CONFIG SET changes it; otherwise only a restart does. */
  readonly live: boolean;
  /** Whether CONFIG GET answers it; otherwise its live value cannot be known. */
  readonly readable: boolean;
  /** Why the kit writes it itself; absent where the stack may declare it. */
  readonly owned?: string;
}

/** The line whose knowledge fits a version: its own, or the nearest below ("7.2.4" is read as 7.0). */
export function lineOf(version: string): Line {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const rank = major * 1000 + minor;
  if (rank >= 7000) return "7.0";
  return rank >= 6002 ? "6.2" : "5.0";
}

/** What `version` knows of the directive, whatever its spelling; undefined where it knows none of that name. */
export function directiveInfo(name: string, version: string): DirectiveInfo | undefined {
  const line = lineOf(version);
  const found = BY_NAME.get(name.toLowerCase());
  if (!found || !isKnown(found, name.toLowerCase(), line)) return undefined;
  const { owned } = found;
  return {
    name: nameIn(found, line),
    type: found.type,
    live: isLiveIn(found.live, line),
    readable: found.readable !== "never" && !isBefore(line, found.readable),
    ...(owned === undefined ? {} : { owned }),
  };
}

/** Whether a running Redis of this version takes a new value (CONFIG SET). False also for an unknown name. */
export function isLive(name: string, version: string): boolean {
  return directiveInfo(name, version)?.live ?? false;
}

/** Those of the directives that CONFIG GET of this version answers: the ones whose drift can be seen. */
export function readableDirectives(
  directives: Readonly<Record<string, string>>,
  version: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(directives).filter(([name]) => directiveInfo(name, version)?.readable),
  );
}

/** Names that a version knows, canonical ones only, in order. */
export function directiveNames(version: string): string[] {
  const names = [...BY_NAME.keys()].flatMap((name) => directiveInfo(name, version)?.name ?? []);
  return [...new Set(names)].sort();
}

/** The first line that knows a name, where this version does not: "6.2" for io-threads. */
export function firstLineOf(name: string): Line | undefined {
  return LINES.find((line) => directiveInfo(name, `${line}.0`) !== undefined);
}

/** The candidate that is most like `name`, unless they have little in common. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const found = closest(name.toLowerCase(), [...candidates]);
  return distance(name.toLowerCase(), found.toLowerCase()) <= Math.max(2, name.length / 3)
    ? found
    : undefined;
}

function isKnown(entry: Directive, name: string, line: Line): boolean {
  if (entry.until !== undefined && !isBefore(line, entry.until)) return false;
  const since = name === entry.name ? entry.since : entry.aliases.find((alias) => alias.name === name)?.since;
  return since !== undefined && !isBefore(line, since);
}

function nameIn(entry: Directive, line: Line): string {
  if (!isBefore(line, entry.since)) return entry.name;
  return entry.aliases.find((alias) => !isBefore(line, alias.since))?.name ?? entry.name;
}

function isLiveIn(live: Live, line: Line): boolean {
  if (typeof live === "boolean") return live;
  return "from" in live ? !isBefore(line, live.from) : isBefore(line, live.until);
}

function isBefore(one: Line, other: Line): boolean {
  return LINES.indexOf(one) < LINES.indexOf(other);
}
