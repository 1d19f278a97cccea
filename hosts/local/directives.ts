/** The few things this host must know from a redis.conf that it otherwise only carries. */

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/**
 * Words of one line, quoted the way Redis's sdssplitargs reads them (src/sds.c): "..." with \n \r \t \b \a \xHH,
 * '...' with \' only. `undefined` for a comment, an empty line or unbalanced quotes.
 */
function splitLine(line: string): string[] | undefined {
  if (/^\s*(#|$)/.test(line)) return undefined;
  const words: string[] = [];
  const word = /\s*(?:"((?:\\.|[^"\\])*)"(?=\s|$)|'((?:\\'|[^'])*)'(?=\s|$)|([^\s"']\S*))/y;
  const text = line.trimEnd();
  while (word.lastIndex < text.length) {
    const match = word.exec(text);
    if (!match) return undefined;
    const [, double, single, plain] = match;
    if (double !== undefined) words.push(unescapeDouble(double));
    else if (single !== undefined) words.push(single.replaceAll("\\'", "'"));
    else words.push(plain ?? "");
  }
  return words;
}

function unescapeDouble(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
}

/** The last value of a directive with one argument, as Redis would take it; `undefined` when it is not set. */
export function readDirective(redisConf: string, name: string): string | undefined {
  let value: string | undefined;
  // Bytes as characters, so that "\xc3\xa9" and a literal é come out the same.
  for (const line of Buffer.from(redisConf, "utf8").toString("latin1").split("\n")) {
    const words = splitLine(line);
    if (words?.[0]?.toLowerCase() === name && words.length === 2) value = words[1];
  }
  return value === undefined ? undefined : Buffer.from(value, "latin1").toString("utf8");
}

/** Directives whose arguments must never reach a log line or an error text. */
const SECRET_DIRECTIVE = /\b(requirepass|masterauth|primaryauth|masteruser|user|tls-\S*-pass)\b.*/gi;

/**
 * Removes secrets from Redis's own words: at a bad directive Redis prints the whole line, password included.
 * `redisConf` is the file it was started with.
 */
export function redact(text: string, redisConf: string | undefined): string {
  let clean = text.replace(/^.*>>> .*$/gm, (line) =>
    line.replace(SECRET_DIRECTIVE, (found) => `${found.split(/\s/, 1)[0]} (not shown)`),
  );
  for (const name of ["requirepass", "masterauth"]) {
    const secret = redisConf === undefined ? undefined : readDirective(redisConf, name);
    if (secret) clean = clean.replaceAll(secret, "(not shown)");
  }
  return clean;
}
