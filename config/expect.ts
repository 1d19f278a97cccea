/** What a good value of a directive is, in words and as an example: for errors and for the reference. */
import { RENAMEABLE_COMMANDS } from "./directives/commands";
import { type DirectiveType, type Line, LONG_MAX } from "./directives/types";

export interface Expectation {
  /** As it stands after "expected:". */
  readonly expected: string;
  /** A good value as it is written on a command line. */
  readonly example: string;
}

/** Letters of notify-keyspace-events, in the order of CONFIG GET. */
export interface EventLetters {
  /** What `A` stands for. */
  readonly all: string;
  /** Answered only where `A` is not: 7.0 keeps `n` beside `A` and does not tell it, so the two cannot be compared. */
  readonly notWithAll: string;
  /** Answered after the others, `A` or not. */
  readonly more: string;
}

export const EVENTS: Readonly<Record<Line, EventLetters>> = {
  "5.0": { all: "g$lshzxet", notWithAll: "", more: "KE" },
  "6.2": { all: "g$lshzxetd", notWithAll: "", more: "KEm" },
  "7.0": { all: "g$lshzxetd", notWithAll: "n", more: "KEm" },
};

/** Commands of a line that may be renamed. */
export function renameable(line: Line): string[] {
  return Object.entries(RENAMEABLE_COMMANDS).flatMap(([command, since]) =>
    Number(since) <= Number(line) ? [command] : [],
  );
}

export function expectationOf(type: DirectiveType, line: Line): Expectation {
  switch (type.kind) {
    case "yesno":
      return { expected: "yes or no", example: "yes" };
    case "integer":
      return expectInteger(type);
    case "memory":
      return expectMemory(type);
    case "choice":
      return {
        expected: `one of ${type.values.map((value) => value || '""').join(", ")}`,
        example: type.values[0] ?? "",
      };
    case "text":
      return { expected: `text like ${type.example}`, example: type.example };
    case "save":
      return {
        expected: 'pairs of seconds (1 or more) and changes, or "" for no snapshots',
        example: '"900 1 300 10"',
      };
    case "buffers":
      return {
        expected: "groups of class (normal, replica or pubsub), hard limit, soft limit, seconds",
        example: '"pubsub 64mb 16mb 60"',
      };
    case "events":
      return expectEvents(EVENTS[line]);
    case "integers":
      return {
        expected: `${type.count} whole numbers from ${type.min} to ${type.max}`,
        example: '"0 200 800"',
      };
    case "percentiles":
      return { expected: 'numbers from 0 to 100, or "" for none', example: '"50 99 99.9"' };
    case "renames":
      return {
        expected: `commands out of ${renameable(line).join(", ")}; each "" to take it away, or a new name with a digit in it`,
        example: `'DEBUG "" KEYS ""'`,
      };
    default:
      return unknownType(type);
  }
}

function expectInteger({ min, max, unit }: Extract<DirectiveType, { kind: "integer" }>): Expectation {
  const counted = unit === undefined ? "" : ` (${unit}, without a unit)`;
  const range = max === LONG_MAX ? `, ${min} or more` : ` from ${min} to ${max}`;
  return { expected: `a whole number${range}${counted}`, example: String(min > 0n ? min : 0n) };
}

function expectMemory({ min, percent }: Extract<DirectiveType, { kind: "memory" }>): Expectation {
  const least = min > 1n ? ` of at least ${min} bytes` : "";
  const also = percent ? ", or a percentage of maxmemory like 5%" : "";
  return {
    expected: `a size${least} like 64mb (units b, k, kb, m, mb, g, gb; kb is 1024, k is 1000)${also}`,
    example: "64mb",
  };
}

function expectEvents({ all, notWithAll, more }: EventLetters): Expectation {
  const limit = notWithAll === "" ? "" : ` (${notWithAll} not together with A)`;
  return { expected: `letters out of A${all}${notWithAll}${more}${limit}, or "" for none`, example: "KEA" };
}

function unknownType(type: never): never {
  throw new Error(`unknown kind of directive: ${JSON.stringify(type)}`);
}
