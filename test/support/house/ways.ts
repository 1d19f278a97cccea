/** What is wrong with the project's imports, by the rules in rules.ts. */
import { type Import, importsOf } from "./imports";
import { EXCEPTIONS, isIn, PACKAGE_RULES, PLACES, PURE, TABLE, type Way, WITHOUT_PACKAGES } from "./rules";
import { parseFile, projectFiles, readProjectFile, resolveImport } from "./sources";

export interface Edge extends Import {
  readonly from: string;
  /** A file of the project, or undefined: a package or a module of Node. */
  readonly to: string | undefined;
}

/** Programs of other people, with packages of their own: they know the package, and none of its files. */
const EXAMPLES = "examples/";

export function allEdges(): Edge[] {
  return projectFiles([".ts", ".mts", ".cjs", ".mjs"])
    .filter((file) => !isIn(EXAMPLES, file))
    .flatMap((from) =>
      importsOf(parseFile(from)).map((found) => ({
        ...found,
        from,
        to: found.specifier.startsWith(".") ? resolveImport(from, found.specifier) : undefined,
      })),
    );
}

function placeOf(file: string): string {
  const found = Object.entries(PLACES).find(([, paths]) => paths.some((path) => isIn(path, file)));
  return found?.[0] ?? "(root)";
}

function allows(way: Way, { from, to, typeOnly }: Edge): boolean {
  if (to === undefined || !isIn(way.from, from) || !isIn(way.to, to)) return false;
  return way.typesOnly !== true || typeOnly;
}

/** Imports that neither the table nor an exception allows, relative ones of nothing included. */
export function forbiddenWays(edges: readonly Edge[]): string[] {
  return edges
    .filter(({ specifier }) => specifier.startsWith("."))
    .filter((edge) => edge.to === undefined || placeOf(edge.from) !== placeOf(edge.to))
    .filter((edge) => ![...TABLE, ...EXCEPTIONS].some((way) => allows(way, edge)))
    .map(tell);
}

/** Exceptions that no import needs, because it is gone or the table allows it. */
export function idleExceptions(edges: readonly Edge[]): string[] {
  const beyond = edges.filter((edge) => !TABLE.some((way) => allows(way, edge)));
  return EXCEPTIONS.filter((way) => !beyond.some((edge) => allows(way, edge))).map(
    ({ from, to }) => `${from} -> ${to}`,
  );
}

/** Packages in the wrong place, and modules of Node in pure code. */
export function strayPackages(edges: readonly Edge[]): string[] {
  const outside = edges.filter(({ specifier }) => !specifier.startsWith("."));
  return outside
    .filter(({ from, specifier }) => {
      const owned = PACKAGE_RULES.find(({ packages }) => packages.test(specifier));
      if (owned !== undefined && !owned.only.some((place) => isIn(place, from))) return true;
      const pure = PURE.find(({ place }) => isIn(place, from));
      if (pure !== undefined) return !pure.modules.includes(specifier);
      return WITHOUT_PACKAGES.some((place) => isIn(place, from)) && !specifier.startsWith("node:");
    })
    .map(tell);
}

/** What the package does not hold may use what is only there for development. */
const DEVELOPMENT = [
  "test/",
  "bench/",
  "scripts/",
  "policy/",
  "bin/bundle.cjs",
  "index.ts",
  "vitest.config.mts",
  "eslint.config.mjs",
];

/** Packages that package.json does not name: they are there by luck, as somebody else's dependency. */
export function undeclaredPackages(edges: readonly Edge[]): string[] {
  const { dependencies, peerDependencies, devDependencies } = JSON.parse(
    readProjectFile("package.json"),
  ) as Record<"dependencies" | "peerDependencies" | "devDependencies", Record<string, string>>;
  const shipped = { ...dependencies, ...peerDependencies };
  return edges
    .filter(({ specifier }) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
    .filter(({ from, specifier }) => {
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      const isDevelopment = DEVELOPMENT.some((place) => isIn(place, from));
      return !(name in shipped) && !(isDevelopment && name in devDependencies);
    })
    .map(tell);
}

/** Circles of places, each once: "cluster > hosts > cluster". A type that leads back is no circle when the program runs. */
export function circlesOfPlaces(edges: readonly Edge[]): string[] {
  const pairs = edges
    .filter(({ typeOnly }) => !typeOnly)
    .map(({ from, to }) => [placeOf(from), to === undefined ? undefined : placeOf(to)] as const);
  return circles(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

/** Circles of files: one of them sees the other half loaded. */
export function circlesOfFiles(edges: readonly Edge[]): string[] {
  const pairs = edges
    .filter(({ typeOnly }) => !typeOnly)
    .map(({ from, to }) => [from, to] as const)
    .filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  return circles(pairs.filter(([from]) => !isIn("test/", from)));
}

function circles(pairs: readonly (readonly [string, string])[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const [from, to] of pairs) {
    if (from !== to) targets.set(from, (targets.get(from) ?? new Set()).add(to));
  }
  const found: string[] = [];
  const finished = new Set<string>();
  const follow = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) found.push([...path.slice(path.indexOf(name)), name].join(" > "));
    else if (!finished.has(name)) {
      for (const next of targets.get(name) ?? []) follow(next, [...path, name]);
      finished.add(name);
    }
  };
  for (const name of targets.keys()) follow(name, []);
  return found;
}

function tell({ from, line, specifier, typeOnly }: Edge): string {
  return `${from}:${line} imports ${typeOnly ? "types of " : ""}${specifier}`;
}
