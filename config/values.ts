/** One directive's value: from what people write to what CONFIG GET answers. */
import type { DirectiveType, Line } from "./directives/types";
import { EVENTS, renameable } from "./expect";

const MEMORY_UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ["b", 1n],
  ["k", 1000n],
  ["kb", 1024n],
  ["m", 1000n ** 2n],
  ["mb", 1024n ** 2n],
  ["g", 1000n ** 3n],
  ["gb", 1024n ** 3n],
]);

/** What no value may have: line breaks, NUL and other control characters, and halves of characters. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** Bytes of "64mb" and the like as Redis counts them (k is 1000, kb is 1024). Undefined where it is no size. */
export function memoryBytes(size: string): bigint | undefined {
  const match = /^(\d{1,19})([a-z]{0,2})$/i.exec(size);
  const unit = match ? MEMORY_UNITS.get((match[2] ?? "").toLowerCase()) : undefined;
  return match && unit !== undefined ? BigInt(match[1] ?? "0") * unit : undefined;
}

/**
 * A value of the stack file as one text: yes/no for booleans, lists and mappings with blanks between their parts.
 * Undefined where there is nothing to make a text of.
 */
export function valueText(raw: unknown): string | undefined {
  if (typeof raw === "string") return raw;
  if (typeof raw === "boolean") return raw ? "yes" : "no";
  if (typeof raw === "number" || typeof raw === "bigint") return String(raw);
  if (typeof raw !== "object" || raw === null) return undefined;
  const parts = Array.isArray(raw) ? raw : Object.entries(raw).flat();
  const texts = parts.map((part) => (part === "" ? '""' : valueText(part)));
  return texts.includes(undefined) ? undefined : texts.join(" ");
}

/** The value as CONFIG GET answers it; undefined where it is not of the type. */
export function normalizeValue(text: string, type: DirectiveType, line: Line): string | undefined {
  if (UNPRINTABLE.test(text)) return undefined;
  if (type.kind === "text") return type.pattern?.test(text) === false ? undefined : text;
  return normalizeTrimmed(text.trim(), type, line);
}

function normalizeTrimmed(
  text: string,
  type: Exclude<DirectiveType, { kind: "text" }>,
  line: Line,
): string | undefined {
  switch (type.kind) {
    case "yesno":
      return normalizeYesno(text);
    case "integer":
      return wholeNumber(text, type);
    case "memory":
      return normalizeMemory(text, type);
    case "choice": {
      const found = type.values.find((value) => value.toLowerCase() === text.toLowerCase());
      return found === undefined ? undefined : (type.synonyms[found] ?? found);
    }
    case "save":
      return normalizeSave(text);
    case "buffers":
      return normalizeBuffers(text);
    case "events":
      return normalizeEvents(text, line);
    case "integers":
      return normalizeIntegers(text, type);
    case "percentiles":
      return normalizePercentiles(text);
    case "renames":
      return normalizeRenames(text, line);
    default:
      return unknownType(type);
  }
}

/** Words between blanks; a pair of quotes is an empty word. */
function words(text: string): string[] {
  const list = text.split(/\s+/).filter((word) => word !== "");
  return list.map((word) => (word === '""' || word === "''" ? "" : word));
}

function normalizeYesno(text: string): string | undefined {
  if (/^(yes|true)$/i.test(text)) return "yes";
  return /^(no|false)$/i.test(text) ? "no" : undefined;
}

function wholeNumber(text: string, { min, max }: { min: bigint; max: bigint }): string | undefined {
  const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value >= min && value <= max ? String(value) : undefined;
}

function normalizeMemory(
  text: string,
  { min, percent }: Extract<DirectiveType, { kind: "memory" }>,
): string | undefined {
  const share = percent ? /^(\d{1,2}|100)%$/.exec(text) : null;
  if (share) return `${Number(share[1])}%`;
  const bytes = memoryBytes(text);
  return bytes !== undefined && bytes >= min && bytes < 2n ** 63n ? String(bytes) : undefined;
}

function normalizeSave(text: string): string | undefined {
  const list = words(text);
  if (list.every((word) => word === "")) return "";
  const good = list.every((word, index) => /^\d{1,9}$/.test(word) && (index % 2 === 1 || Number(word) >= 1));
  return good && list.length % 2 === 0 ? list.map(Number).join(" ") : undefined;
}

/** Redis's own limits, in the order of CONFIG GET, which says "slave" in every version. */
const BUFFER_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ["normal", "0 0 0"],
  ["slave", `${256 * 1024 ** 2} ${64 * 1024 ** 2} 60`],
  ["pubsub", `${32 * 1024 ** 2} ${8 * 1024 ** 2} 60`],
]);

/** All three classes, with Redis's own limits for those that are not given. */
function normalizeBuffers(text: string): string | undefined {
  const limits = new Map(BUFFER_DEFAULTS);
  const list = words(text);
  if (list.length === 0 || list.length % 4 !== 0) return undefined;
  for (let at = 0; at < list.length; at += 4) {
    const [name = "", hard = "", soft = "", seconds = ""] = list.slice(at, at + 4);
    const key = name.toLowerCase() === "replica" ? "slave" : name.toLowerCase();
    const bytes = [hard, soft].map(memoryBytes);
    if (!limits.has(key) || bytes.includes(undefined) || !/^\d{1,9}$/.test(seconds)) return undefined;
    limits.set(key, `${bytes.join(" ")} ${Number(seconds)}`);
  }
  return [...limits].map(([name, limit]) => `${name} ${limit}`).join(" ");
}

function normalizeEvents(text: string, line: Line): string | undefined {
  const { all, notWithAll, more } = EVENTS[line];
  const given = new Set(words(text).join(""));
  const pick = (letters: string) => [...letters].filter((letter) => given.has(letter)).join("");
  if ([...given].some((letter) => !`A${all}${notWithAll}${more}`.includes(letter))) return undefined;
  const everything = given.has("A") || pick(all) === all;
  if (everything && pick(notWithAll) !== "") return undefined;
  return (everything ? "A" : pick(all + notWithAll)) + pick(more);
}

function normalizeIntegers(
  text: string,
  type: Extract<DirectiveType, { kind: "integers" }>,
): string | undefined {
  const numbers = words(text).map((word) => wholeNumber(word, type));
  return numbers.length === type.count && !numbers.includes(undefined) ? numbers.join(" ") : undefined;
}

function normalizePercentiles(text: string): string | undefined {
  const list = words(text).filter((word) => word !== "");
  const good = list.every((word) => /^\d{1,3}(\.\d{1,6})?$/.test(word) && Number(word) <= 100);
  return good ? list.map(Number).join(" ") : undefined;
}

/**
 * Sorted pairs of an upper-case command and its new name, `""` where it is taken away. A new name has a digit in it:
 * no command of Redis's own has, and Redis does not start where the name is taken.
 */
function normalizeRenames(text: string, line: Line): string | undefined {
  const allowed = renameable(line);
  const list = words(text);
  const pairs = new Map<string, string>();
  for (let at = 0; at < list.length; at += 2) {
    const command = (list[at] ?? "").toUpperCase();
    const target = list[at + 1];
    const good = target === "" || (target !== undefined && /^(?=.*\d)[A-Za-z0-9_-]+$/.test(target));
    if (!allowed.includes(command) || !good || pairs.has(command)) return undefined;
    pairs.set(command, target);
  }
  const targets = [...pairs.values()].filter((target) => target !== "").map((target) => target.toUpperCase());
  if (new Set(targets).size !== targets.length) return undefined;
  const sorted = [...pairs].sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([command, target]) => `${command} ${target || '""'}`).join(" ");
}

function unknownType(type: never): never {
  throw new Error(`unknown kind of directive: ${JSON.stringify(type)}`);
}
