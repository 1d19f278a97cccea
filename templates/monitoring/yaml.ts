/** The little YAML that Prometheus's files need. Every text is written so that it reads back as it was, whatever is in it. */

export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml | undefined };

/** Ends with a newline. */
export function toYaml(value: Yaml): string {
  return `${write(value, 0).replace(/^\n/, "")}\n`;
}

function write(value: Yaml, depth: number): string {
  if (typeof value === "string") return ` ${text(value, depth)}`;
  if (typeof value !== "object") return ` ${value}`;
  const indent = "  ".repeat(depth);
  if (isList(value)) {
    if (value.length === 0) return " []";
    return value.map((item) => `\n${indent}-${inItem(write(item, depth + 1))}`).join("");
  }
  const entries = Object.entries(value).flatMap(([key, part]) =>
    part === undefined ? [] : [[key, part] as const],
  );
  if (entries.length === 0) return " {}";
  return entries.map(([key, part]) => `\n${indent}${word(key)}:${write(part, depth + 1)}`).join("");
}

/** A mapping in a list begins on the line of its dash. */
function inItem(written: string): string {
  return written.replace(/^\n +/, " ");
}

/** JSON's texts are YAML's. Several lines are kept as lines: a literal block, which has no escapes at all. */
function text(value: string, depth: number): string {
  const isBlock = value.includes("\n") && /^[\x20-\x7e\n]+$/.test(value) && !/^[\s]|\s$|[ ]\n/.test(value);
  if (!isBlock) return word(value);
  const indent = "  ".repeat(depth);
  return `|-\n${value
    .split("\n")
    .map((line) => (line === "" ? "" : `${indent}${line}`))
    .join("\n")}`;
}

function word(value: string): string {
  const isPlain =
    /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}

function isList(value: readonly Yaml[] | object): value is readonly Yaml[] {
  return Array.isArray(value);
}
