/** The table of docs/architecture.md: one row a place, with what it may import as the rules have it. */
import { PLACES, TABLE, type Way } from "./rules";
import { readProjectFile } from "./sources";

export interface Row {
  /** As in PLACES: files and folders. */
  readonly paths: readonly string[];
  readonly mayImport: string;
}

const DOCUMENT = "docs/architecture.md";
const HEAD = "| place | what lives there | may import |";

export function rowsOfTable(text = readProjectFile(DOCUMENT)): Row[] {
  const [, after = ""] = text.split(`${HEAD}\n`);
  const lines = after.split("\n");
  const rows = lines.slice(1, lines.indexOf(""));
  return rows.map((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const paths = [...(cells[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path);
    return { paths, mayImport: cells.at(-2) ?? "" };
  });
}

/** The rows as the rules would have them, in their order. */
export function rowsOfRules(): Row[] {
  return Object.entries(PLACES).map(([place, paths]) => ({
    paths: paths.filter((path) => path !== "vitest.config.mts"),
    mayImport: place === "test" ? "everything" : waysOut(paths),
  }));
}

/** "config, types of hosts/host.ts": whole places by their name, parts of one by their path. */
function waysOut(from: readonly string[]): string {
  const ways = TABLE.filter((way) => from.some((path) => way.from.startsWith(path)));
  const names = [...new Set(ways.map(nameOf))].map((name) => {
    const isTypes = ways.filter((way) => nameOf(way) === name).every(({ typesOnly }) => typesOnly === true);
    return isTypes ? `types of ${name}` : name;
  });
  return names.length === 0 ? "nothing" : names.join(", ");
}

function nameOf({ to }: Way): string {
  const whole = Object.entries(PLACES).find(([, paths]) => paths.includes(to));
  return whole?.[0] ?? to.replace(/\/$/, "");
}
