/** Redis's own quoting of arguments (sdscatrepr and sdssplitargs of its sds.c), both ways. */

/** Characters that stand for themselves outside quotes. `#` is left out: a line that begins with it is a comment. */
const PLAIN = /^[A-Za-z0-9_.,:;/@%+=~^*<>!?&|$()[\]{}-]+$/;

/** One argument as Redis reads it back: as it is, or in double quotes with every other byte escaped. UTF-8. */
export function quote(argument: string): string {
  if (PLAIN.test(argument)) return argument;
  let quoted = "";
  for (const byte of Buffer.from(argument, "utf8")) quoted += quoteByte(byte);
  return `"${quoted}"`;
}

function quoteByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === '"' || character === "\\") return `\\${character}`;
  if (byte >= 0x20 && byte < 0x7f) return character;
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["b", "\b"],
  ["a", "\x07"],
]);

/**
 * The arguments of a line, read as Redis reads them: blanks separate, "..." knows \xHH and \n \r \t \b \a, '...' knows
 * only \'. Undefined where quotes are unbalanced or something touches a closing quote; Redis refuses such a line.
 */
export function splitArguments(line: string): string[] | undefined {
  const text = Buffer.from(line, "utf8").toString("latin1");
  const found: string[] = [];
  let at = 0;
  while (true) {
    while (isBlank(text[at])) at++;
    if (at >= text.length) return found;
    const argument = readArgument(text, at);
    if (!argument) return undefined;
    found.push(Buffer.from(argument.value, "latin1").toString("utf8"));
    at = argument.end;
  }
}

interface Piece {
  readonly value: string;
  /** Index of the first character after it. */
  readonly end: number;
}

function readArgument(text: string, start: number): Piece | undefined {
  let value = "";
  let at = start;
  while (at < text.length && !isBlank(text[at])) {
    const character = text[at] ?? "";
    if (character === '"' || character === "'") {
      const quoted = character === '"' ? readDouble(text, at + 1) : readSingle(text, at + 1);
      const closed = quoted && (quoted.end >= text.length || isBlank(text[quoted.end]));
      return closed ? { value: value + quoted.value, end: quoted.end } : undefined;
    }
    value += character;
    at++;
  }
  return { value, end: at };
}

function readDouble(text: string, start: number): Piece | undefined {
  let value = "";
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === '"') return { value, end: at + 1 };
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 4));
    if (hex) {
      value += String.fromCharCode(Number.parseInt(hex[1] ?? "", 16));
      at += 3;
    } else if (character === "\\" && at + 1 < text.length) {
      at++;
      value += ESCAPES.get(text[at] ?? "") ?? text[at];
    } else {
      value += character;
    }
  }
  return undefined;
}

function readSingle(text: string, start: number): Piece | undefined {
  let value = "";
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "'") return { value, end: at + 1 };
    if (character === "\\" && text[at + 1] === "'") at++;
    value += text[at];
  }
  return undefined;
}

/** What C's isspace() says. */
function isBlank(character: string | undefined): boolean {
  return character !== undefined && " \t\n\r\v\f".includes(character);
}
