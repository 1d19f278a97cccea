/** Holds the house together: who imports whom, how long things may be, and what does not belong here. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as ts from "typescript";
import { describe, expect, it } from "vitest";
import { anchorsOf, deadLinks, linksOf } from "../support/house/documents";
import { anyTypes, functionsOf, silencedTests } from "../support/house/functions";
import { importsOf } from "../support/house/imports";
import { isIn } from "../support/house/rules";
import {
  lineCount,
  parseFile,
  parseText,
  projectFiles,
  ROOT,
  readProjectFile,
} from "../support/house/sources";
import { type Row, rowsOfRules, rowsOfTable } from "../support/house/table";
import {
  allEdges,
  circlesOfFiles,
  circlesOfPlaces,
  forbiddenWays,
  idleExceptions,
  strayPackages,
  undeclaredPackages,
} from "../support/house/ways";
import { leftovers, oldWords } from "../support/house/words";

const CODE = [".ts", ".mts", ".cjs", ".mjs"];
/** Names the words that it looks for. */
const HOUSE = "test/support/house/";

const code = projectFiles(CODE);
const edges = allEdges();

function inFiles(files: readonly string[], check: (file: string) => readonly (string | number)[]): string[] {
  return files.flatMap((file) => check(file).map((found) => `${file}:${found}`));
}

describe("imports", () => {
  it("go the way of the table, or by an exception that has a reason", () => {
    expect(edges.length).toBeGreaterThan(500);
    expect(forbiddenWays(edges)).toEqual([]);
  });

  it("may go where docs/architecture.md says, place by place", () => {
    const byPlace = (rows: readonly Row[]) =>
      rows.map(({ paths, mayImport }) => `${paths.join(", ")}: ${mayImport}`).sort();
    expect(byPlace(rowsOfTable())).toEqual(byPlace(rowsOfRules()));
  });

  it("need every exception", () => expect(idleExceptions(edges)).toEqual([]));

  it("make no circle, neither of places nor of files", () => {
    expect(circlesOfPlaces(edges)).toEqual([]);
    expect(circlesOfFiles(edges)).toEqual([]);
  });

  it("keep ioredis in one file, Pulumi out of the engine, and Node out of what is pure", () =>
    expect(strayPackages(edges)).toEqual([]));

  it("are of packages that package.json names", () => expect(undeclaredPackages(edges)).toEqual([]));
});

describe("length", () => {
  it("of a file is at most 300 lines, of a test 400", () => {
    const limitOf = (file: string) => (isIn("test/", file) ? 400 : 300);
    const check = (file: string) => {
      const lines = lineCount(readProjectFile(file));
      return lines > limitOf(file) ? [`${lines} lines`] : [];
    };
    expect(inFiles(code, check)).toEqual([]);
  });

  it("of a function is at most 50 lines", () => {
    const check = (file: string) =>
      functionsOf(parseFile(file))
        .filter(({ lines }) => lines > 50)
        .map(({ line, name, lines }) => `${line}: ${name} has ${lines} lines`);
    expect(inFiles(code, check)).toEqual([]);
  });
});

describe("words", () => {
  it("never type anything as any", () => {
    expect(inFiles(code, (file) => anyTypes(parseFile(file)))).toEqual([]);
  });

  it("switch no test off", () => {
    const tests = code.filter((file) => isIn("test/", file));
    expect(inFiles(tests, (file) => silencedTests(parseFile(file)))).toEqual([]);
  });

  const texts = projectFiles([...CODE, ".md", ".tmpl", ".yaml", ".yml", ".py", ".json", ".sh"]).filter(
    (file) => !isIn(HOUSE, file) && file !== "package-lock.json" && file !== "test/unit/house.test.ts",
  );

  it("leave nothing to do later, and no complaint of the compiler unheard", () =>
    expect(inFiles(texts, (file) => leftovers(readProjectFile(file)))).toEqual([]));

  it("are primary and replica, except where Redis itself says otherwise", () =>
    expect(inFiles(texts, (file) => oldWords(readProjectFile(file)))).toEqual([]));
});

describe("nothing lies about", () => {
  it("in templates/: every file is read or imported by the program", () => {
    const program = code.filter((file) => !isIn("test/", file) && !isIn("bench/", file));
    const used = new Set(edges.filter(({ from }) => program.includes(from)).map(({ to }) => to));
    const texts = new Set(program.flatMap((file) => textsOf(parseFile(file))));
    const templates = projectFiles([""], join(ROOT, "templates"));
    expect(templates.length).toBeGreaterThan(0);
    const isUsed = (file: string) => used.has(file) || [...texts].some((text) => file.endsWith(text));
    expect(templates.filter((file) => !isUsed(file))).toEqual([]);
  });

  it("in package.json: every script is a task that exists, every test project a folder", () => {
    const { scripts, bin } = JSON.parse(readProjectFile("package.json")) as {
      scripts: Record<string, string>;
      bin: Record<string, string>;
    };
    for (const [name, command] of Object.entries(scripts)) {
      const task = /^(?:exec )?node scripts\/run\.cjs ([a-z-]+)/.exec(command)?.[1];
      expect(existsSync(join(ROOT, "scripts", "tasks", `${task}.ts`)), `${name}: ${command}`).toBe(true);
      for (const [, project] of command.matchAll(/--project (\w+)/g))
        expect(existsSync(join(ROOT, "test", project ?? "")), `${name}: ${command}`).toBe(true);
    }
    for (const file of Object.values(bin)) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });

  it("in README and examples: the packed file goes by the package's version", () => {
    const { version } = JSON.parse(readProjectFile("package.json")) as { version: string };
    const files = [
      "README.md",
      ...projectFiles([".md", "package.json"]).filter((file) => isIn("examples/", file)),
    ];
    const told = files.flatMap((file) => [
      ...readProjectFile(file).matchAll(/redis-cluster-kit-(\d[\w.-]*)\.tgz/g),
    ]);
    expect(told.length).toBeGreaterThan(3);
    expect(new Set(told.map(([, name]) => name))).toEqual(new Set([version]));
  });

  it("in the documentation: every link leads somewhere", () => {
    expect(projectFiles([".md"]).flatMap(deadLinks)).toEqual([]);
  });
});

/** Texts of a file as the program has them; not the empty one, which would be the end of any path. */
function textsOf(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && node.text !== "") found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe("the checks themselves", () => {
  it("see every kind of import", () => {
    const text = `import a, { type B } from "a";
import type { C } from "c";
import { type D } from "d";
export * from "e";
export type { F } from "f";
import g = require("g");
const h = import("h"), i = require("i");
let j: import("j").J;
import "k";`;
    const seen = importsOf(parseText(text)).map(({ specifier, typeOnly }) =>
      typeOnly ? specifier : specifier.toUpperCase(),
    );
    expect(seen).toEqual(["A", "c", "d", "E", "f", "G", "H", "I", "j", "K"]);
  });

  it("refuse a way that is not in the table, a wrong package, and a circle", () => {
    const edge = (from: string, to: string, typeOnly = false) => ({
      from,
      to,
      typeOnly,
      line: 1,
      specifier: `./${to}`,
    });
    expect(forbiddenWays([edge("cluster/engine.ts", "hosts/host.ts", true)])).toEqual([]);
    expect(forbiddenWays([edge("cluster/engine.ts", "hosts/host.ts")])).toHaveLength(1);
    expect(forbiddenWays([edge("hosts/host.ts", "cluster/spec.ts", true)])).toHaveLength(1);
    expect(forbiddenWays([edge("cli/main.ts", "provider/server.ts")])).toHaveLength(1);
    expect(circlesOfPlaces([edge("cli/a.ts", "cluster/b.ts"), edge("cluster/c.ts", "cli/d.ts")])).toEqual([
      "cli > cluster > cli",
    ]);
    const packaged = { from: "cluster/plan/index.ts", to: undefined, typeOnly: false, line: 1 };
    for (const specifier of ["ioredis", "@pulumi/pulumi", "node:fs"])
      expect(strayPackages([{ ...packaged, specifier }])).toHaveLength(1);
    expect(undeclaredPackages([{ ...packaged, specifier: "left-pad/lib" }])).toHaveLength(1);
  });

  it("measure functions, and not the blocks of tests", () => {
    const body = "\n".repeat(60);
    const names = (text: string) => functionsOf(parseText(text)).map(({ name, lines }) => `${name} ${lines}`);
    expect(names(`const long = () => {${body}};`)).toEqual(["long 61"]);
    expect(names(`class A { method() {${body}} constructor() {} }`)).toEqual(["method 61", "constructor 1"]);
    expect(names(`it.each([1])("a", () => {${body}}); describe("b", () => { f(() => 1); });`)).toEqual([
      "(unnamed) 1",
    ]);
  });

  it("find silenced tests, any, leftovers and the old words", () => {
    const silenced = (text: string) => silencedTests(parseText(text)).length;
    for (const text of ["it.skip('a')", "test.only('a')", "xit('a')", "describe.todo('a')", "context.skip()"])
      expect(silenced(text), text).toBe(1);
    for (const text of ["it('a')", "context.skip('no python3')", "list.skip(3)"])
      expect(silenced(text), text).toBe(0);
    expect(anyTypes(parseText("const a: any = 1;\nconst any = 2;"))).toEqual([1]);
    expect(leftovers(`fine\n// ${"TO"}DO: more\n// @ts-${"ignore"}`)).toHaveLength(2);
    expect(oldWords('the master node\nrole === "master"\nmaster_link_status')).toEqual([
      "1: the master node",
    ]);
  });

  it("read the documentation's table row by row", () => {
    const text =
      "# A\n\n| place | what lives there | may import |\n| --- | --- | --- |\n| `a.ts`, `a/` | it, `b` | c |\n| `d/` | x | nothing |\n\n| `e/` |";
    expect(rowsOfTable(text)).toEqual([
      { paths: ["a.ts", "a/"], mayImport: "c" },
      { paths: ["d/"], mayImport: "nothing" },
    ]);
    expect(rowsOfRules()).toContainEqual({ paths: ["hosts/"], mayImport: "nothing" });
  });

  it("know Markdown's links and headings", () => {
    const text =
      '# The plan: `up`, again\n[a](b.md#c) ![d](e.svg "f")\n```\n[no](no.md)\n```\n`[no](no.md)`\n[g]: h.md\n# Two\n# Two';
    expect(linksOf(text)).toEqual(["b.md#c", "e.svg", "h.md"]);
    expect([...anchorsOf(text)]).toEqual(["the-plan-up-again", "two", "two-1"]);
  });
});
