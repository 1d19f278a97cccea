/** Directive values in the one form in which CONFIG GET answers them, so that declared and live can be compared. */

const MEMORY_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** Bytes of "64mb" and the like, as Redis counts them (k is 1000, kb is 1024). Undefined where it is no size. */
export function memoryBytes(text: string): number | undefined {
  const match = /^(\d{1,18})([a-z]{0,2})$/i.exec(text);
  const unit = match ? MEMORY_UNITS[(match[2] ?? "").toLowerCase()] : undefined;
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}

/** Names in lower case, values as CONFIG GET of this version answers them. */
export function normalizeDirectives(
  redis: Readonly<Record<string, unknown>>,
  _version: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(redis).map(([name, value]) => [
      name.toLowerCase(),
      normalizeValue(name.toLowerCase(), value),
    ]),
  );
}

function normalizeValue(name: string, value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = Array.isArray(value) ? value.join(" ") : String(value);
  return name === "maxmemory" ? String(memoryBytes(text) ?? text) : text;
}
