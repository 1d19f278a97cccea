/** What an expression of PromQL asks for: its metrics by name, and the values of labels that metrics of one name differ in. */

const KEYWORDS = new Set(["and", "or", "unless", "offset", "bool", "inf", "nan"]);
/** Labels that the kit's own script and rules give: a renamed value hides as well as a renamed metric. */
const TELLING = /\b(key|role)=~?"([^"]*)"/g;

/** Selectors of one metric each, sorted: `redis_up`, `redis_script_values{key=~"slots_owned"}`. */
export function selectorsOf(expr: string): string[] {
  const matchers: string[] = [];
  const bare = expr
    .replace(/\{[^}]*\}/g, (group) => `@${matchers.push(group) - 1}`)
    .replace(/"[^"]*"/g, "")
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "")
    .replace(/\[[^\]]*\]/g, "");
  const names = [...bare.matchAll(/(?<![\w:@$])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])(?:@(\d+))?/g)];
  const found = names.flatMap(([, name = "", at]) =>
    KEYWORDS.has(name.toLowerCase())
      ? []
      : narrowed(name, at === undefined ? "" : (matchers[Number(at)] ?? "")),
  );
  return [...new Set(found)].sort();
}

/** One selector for each alternative of a telling label. */
function narrowed(name: string, matcher: string): string[] {
  const telling = [...matcher.matchAll(TELLING)];
  if (telling.length === 0) return [name];
  return telling.flatMap(([, label, values = ""]) =>
    values.split("|").map((value) => `${name}{${label}=~"${value}"}`),
  );
}
