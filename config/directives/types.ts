/** What the kit knows about a redis.conf directive, and short ways to write that down. */

/** Release lines whose directives are known. A version in between is read as the line below it. */
export type Line = "5.0" | "6.2" | "7.0";

/** What a value is, in Redis's own bounds. Bounds are inclusive; `unit` is how an error names what is counted. */
export type DirectiveType =
  | { readonly kind: "yesno" }
  | { readonly kind: "integer"; readonly min: bigint; readonly max: bigint; readonly unit?: string }
  /** Bytes, written with b, k, kb, m, mb, g, gb. `percent`: also "5%" (of maxmemory). */
  | { readonly kind: "memory"; readonly min: bigint; readonly percent: boolean }
  /** `synonyms`: what CONFIG GET answers instead. */
  | {
      readonly kind: "choice";
      readonly values: readonly string[];
      readonly synonyms: Readonly<Record<string, string>>;
    }
  | { readonly kind: "text"; readonly pattern?: RegExp; readonly example: string }
  /** Pairs of seconds and changes, or nothing. */
  | { readonly kind: "save" }
  /** `class hard soft seconds` for normal, replica and pubsub. */
  | { readonly kind: "buffers" }
  /** Letters of notify-keyspace-events. */
  | { readonly kind: "events" }
  /** `count` whole numbers. */
  | { readonly kind: "integers"; readonly count: number; readonly min: bigint; readonly max: bigint }
  /** Numbers from 0 to 100. */
  | { readonly kind: "percentiles" }
  /** Command and its new name, "" for none. */
  | { readonly kind: "renames" };

/** When CONFIG SET works: always, never, or only between two lines (`until` exclusive). */
export type Live = boolean | { readonly from: Line } | { readonly until: Line };

/** One directive, under all its names. */
export interface Directive {
  readonly name: string;
  readonly type: DirectiveType;
  /** First line that has it under `name`. */
  readonly since: Line;
  /** First line that no longer has it. */
  readonly until?: Line;
  readonly live: Live;
  /** First line whose CONFIG GET answers it; "never" for what is only a line of the file. */
  readonly readable: Line | "never";
  /** Other names that mean the same. Where `name` is not known yet, they are the name. */
  readonly aliases: readonly { readonly name: string; readonly since: Line }[];
  /** Why the kit writes it and nobody else may. */
  readonly owned?: string;
}

/** What differs from the usual: there since 5.0, live, answered by CONFIG GET, one name. */
export interface Traits {
  readonly since?: Line;
  readonly until?: Line;
  readonly live?: Live;
  readonly readable?: Line | "never";
  /** Names that every line knows. */
  readonly aliases?: readonly string[];
  readonly owned?: string;
}

/** Largest int, and largest long, of Redis's C. Where 5.0 reads a long as an int from its file, the int counts. */
export const INT_MAX = 2_147_483_647n;
export const LONG_MAX = 9_223_372_036_854_775_807n;

/** A directive of any type. */
export function directive(name: string, type: DirectiveType, traits: Traits = {}): Directive {
  const { since = "5.0", live = true, aliases = [], ...rest } = traits;
  return {
    name,
    type,
    since,
    live,
    readable: since,
    ...rest,
    aliases: aliases.map((alias) => ({ name: alias, since: "5.0" })),
  };
}

export function yesno(name: string, traits?: Traits): Directive {
  return directive(name, { kind: "yesno" }, traits);
}

/** Whole number from `min` to `max`, both inclusive. */
export function integer(
  name: string,
  bounds: { min?: bigint; max?: bigint; unit?: string } = {},
  traits?: Traits,
): Directive {
  const { min = 0n, max = INT_MAX, unit } = bounds;
  return directive(name, { kind: "integer", min, max, ...(unit === undefined ? {} : { unit }) }, traits);
}

/** Size in bytes, at least `min`. */
export function memory(name: string, min = 0n, traits?: Traits & { percent?: boolean }): Directive {
  const { percent = false, ...rest } = traits ?? {};
  return directive(name, { kind: "memory", min, percent }, rest);
}

/** One of `values`. */
export function choice(
  name: string,
  values: readonly string[],
  traits?: Traits & { synonyms?: Readonly<Record<string, string>> },
): Directive {
  const { synonyms = {}, ...rest } = traits ?? {};
  return directive(name, { kind: "choice", values, synonyms }, rest);
}

export function text(name: string, traits?: Traits & { pattern?: RegExp; example?: string }): Directive {
  const { pattern, example = "text", ...rest } = traits ?? {};
  return directive(name, { kind: "text", example, ...(pattern === undefined ? {} : { pattern }) }, rest);
}
