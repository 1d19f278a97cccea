/** Reads a mapping of keys against a zod object: every problem with its cure, and the good values with defaults for the rest. */
import type { z } from "zod";
import { coerce } from "./coerce";
import { nearest } from "./directives";
import { HIDDEN, type Problem, printable } from "./error";
import { type FieldMeta, fieldMeta } from "./field-meta";

export interface ReadFields<Values> {
  /** What was good, with defaults in the place of what was not: so that later checks find the rest. */
  readonly values: Values;
  readonly problems: readonly Problem[];
}

export interface FieldsPlace {
  /** Before every key in errors and cures, e.g. "aws."; "" for the stack's own keys. */
  readonly prefix: string;
  /** Says more about what is expected of one key, where that depends on its value. */
  readonly expected?: (key: string, value: unknown) => string | undefined;
}

/** `schema` is a strict object all of whose fields have a default or are optional, and are registered in `fieldMeta`. */
export function readFields<Schema extends z.ZodObject>(
  schema: Schema,
  given: Readonly<Record<string, unknown>>,
  place: FieldsPlace,
): ReadFields<z.output<Schema>> {
  const problems = unknownKeys(Object.keys(schema.shape), given, place.prefix);
  const good: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(schema.shape)) {
    const meta = fieldMeta.get(field);
    if (!meta) throw new Error(`the schema says nothing about ${place.prefix}${key}`);
    const value = coerce(given[key], meta.kind);
    if (!("safeParse" in field) || !field.safeParse(value).success)
      problems.push(fieldProblem(key, value, meta, place));
    else if (value !== undefined) good[key] = value;
  }
  return { values: schema.parse(good), problems };
}

/** Keys that the schema does not have. Their values may be anything, a misspelt password too: never shown. */
function unknownKeys(
  known: readonly string[],
  given: Readonly<Record<string, unknown>>,
  prefix: string,
): Problem[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearest(key, known);
      const path = printable(prefix === "" ? key : `${prefix}${key}`);
      const remove = `pulumi config rm ${prefix === "" ? "" : "--path "}${path}`;
      return {
        property: `${prefix}${key}`,
        value: HIDDEN,
        expected: `one of the keys ${known.join(", ")}`,
        cure: near === undefined ? remove : `write ${near}, if that is what is meant; otherwise ${remove}`,
      };
    });
}

function fieldProblem(
  key: string,
  value: unknown,
  meta: FieldMeta,
  { prefix, expected }: FieldsPlace,
): Problem {
  const part = meta.badPart?.(value);
  if (part !== undefined) {
    const { path, found } = part;
    const property = `${prefix}${key}${path.startsWith("[") || path === "" ? "" : "."}${path}`;
    return { property, value: printable(found), expected: part.expected, cure: meta.cure };
  }
  return {
    property: `${prefix}${key}`,
    value: meta.secret || meta.kind === "record" ? HIDDEN : printable(value),
    expected: expected?.(key, value) ?? meta.expected,
    cure: meta.cure,
  };
}
