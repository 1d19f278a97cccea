import { describe, expect, it } from "vitest";
import { RENAMEABLE, readRenames, renameQuery } from "../../../cluster/renames";
import { RENAMEABLE_COMMANDS } from "../../../config/directives/commands";

/** As a server answers that knows these names only. */
function answer(declared: string, missing: readonly string[], extra: readonly string[] = []) {
  const [, , ...asked] = renameQuery(declared).map(String);
  const known = (name: string) => (name in RENAMEABLE ? !missing.includes(name) : extra.includes(name));
  return asked.map((name) => (known(name) ? [name.toLowerCase(), 1] : null));
}

describe("rename-command as a server shows it", () => {
  it.each([
    ["nothing", "", [], [], ""],
    ["what is declared", 'DEBUG debug-1 KEYS ""', ["KEYS", "DEBUG"], ["debug-1"], 'DEBUG debug-1 KEYS ""'],
    ["what is declared no more", "", ["KEYS"], [], 'KEYS ""'],
    ["what is not in force yet", 'KEYS ""', [], [], ""],
    ["a name that is another one now", "DEBUG debug-2", ["DEBUG"], [], 'DEBUG ""'],
  ])("tells %s", (_what, declared, missing, extra, seen) => {
    expect(readRenames(answer(declared, missing, extra), declared, "7.0.15")).toBe(seen);
  });

  it("does not miss what a version has not yet", () => {
    const newer = Object.keys(RENAMEABLE).filter((name) => RENAMEABLE[name] === 7);
    expect(newer).toContain("FUNCTION");
    expect(readRenames(answer("", newer), "", "5.0.14")).toBe("");
    expect(readRenames(answer("", newer), "", "7.0.15")).toContain('FUNCTION ""');
  });

  it("knows the same commands as the configuration", () => {
    const lines = Object.entries(RENAMEABLE_COMMANDS).map(([name, line]) => [
      name,
      Number.parseInt(line, 10),
    ]);
    expect(Object.fromEntries(lines)).toEqual(RENAMEABLE);
  });
});
