/** The `redis:` mapping of a stack: which directives it may name, and what their values are in CONFIG GET's form. */
import {
  type DirectiveInfo,
  directiveInfo,
  directiveNames,
  firstLineOf,
  lineOf,
  nearest,
} from "./directives";
import { ABSENT, ConfigError, HIDDEN, type Problem, printable } from "./error";
import { expectationOf } from "./expect";
import { normalizeValue, UNPRINTABLE, valueText } from "./values";

/** Directives in canonical names and values, and what is wrong with the others. */
export interface CheckedDirectives {
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/**
 * Names as this version calls them, values exactly as its CONFIG GET answers them (sizes in bytes, yes/no, `save` on
 * one line). Throws `ConfigError` on what `checkDirectives` finds wrong.
 */
export function normalizeDirectives(
  redis: Readonly<Record<string, unknown>>,
  version: string,
): Record<string, string> {
  const { values, problems } = checkDirectives(redis, version);
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...values };
}

/** Checks every directive that the stack declares. Never shows a value of a directive that is unknown or owned. */
export function checkDirectives(
  redis: Readonly<Record<string, unknown>>,
  version: string,
): CheckedDirectives {
  const values: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const [name, raw] of Object.entries(redis)) {
    const info = directiveInfo(name, version);
    if (!info) problems.push(unknownDirective(name, version));
    else if (info.owned !== undefined) problems.push(ownedDirective(name, info.owned));
    else if (values[info.name] !== undefined) problems.push(givenTwice(name, info.name));
    else {
      const text = raw === null ? undefined : valueText(raw);
      const value = text === undefined ? undefined : normalizeValue(text, info.type, lineOf(version));
      if (value === undefined) problems.push(badValue(name, raw, info, version));
      else values[info.name] = value;
    }
  }
  return { values, problems };
}

function unknownDirective(name: string, version: string): Problem {
  const shown = UNPRINTABLE.test(name) ? printable(name) : name;
  const problem = { property: `redis.${shown}`, value: HIDDEN };
  const line = firstLineOf(name);
  if (line !== undefined) {
    const here = directiveInfo(name, `${line}.0`)?.name;
    const older = here === undefined ? undefined : otherName(here, version);
    return {
      ...problem,
      expected: `a directive of Redis ${version}; the ${line} line has this one`,
      cure: older === undefined ? remove(shown) : `write ${older}, its name in Redis ${version}`,
    };
  }
  const near = nearest(name, directiveNames(version));
  return {
    ...problem,
    expected: `a directive of Redis ${version}`,
    cure:
      near === undefined
        ? remove(shown)
        : `write ${near}, if that is what is meant; otherwise ${remove(shown)}`,
  };
}

/** 7.0's listpack directives under their name before. */
function otherName(name: string, version: string): string | undefined {
  return directiveInfo(name.replace("listpack", "ziplist"), version)?.name;
}

function ownedDirective(name: string, reason: string): Problem {
  return {
    property: `redis.${name}`,
    value: HIDDEN,
    expected: `no declaration: the kit writes this directive itself, because ${reason}`,
    cure: remove(name),
  };
}

function givenTwice(name: string, canonical: string): Problem {
  return {
    property: `redis.${name}`,
    value: "given twice",
    expected: `one declaration of ${canonical}, whatever its spelling`,
    cure: remove(name),
  };
}

function badValue(name: string, raw: unknown, info: DirectiveInfo, version: string): Problem {
  const { expected, example } = expectationOf(info.type, lineOf(version));
  const text = valueText(raw) ?? "";
  const unprintable = UNPRINTABLE.test(text);
  const near = info.type.kind === "choice" ? nearest(text, info.type.values) : undefined;
  return {
    property: `redis.${name}`,
    value: raw === null || raw === undefined ? ABSENT : printable(raw),
    expected: unprintable ? `${expected}; no line breaks or other control characters` : expected,
    cure: `pulumi config set --path 'redis.${name}' ${near || example}`,
  };
}

function remove(name: string): string {
  return `pulumi config rm --path 'redis.${name}'`;
}
