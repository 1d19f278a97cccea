import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { builtSoFar } from "../../../install/engine-build";
import { runLogged, tailOf } from "../../../install/process";
import { countTests, summaryLine } from "../../../scripts/test-report";
import { temporaryFolder } from "./support";

const load = createRequire(__filename);
const { isEnough } = load("../../../scripts/bootstrap/node.cjs") as { isEnough(version: string): boolean };
const { isInstalled } = load("../../../scripts/bootstrap/modules.cjs") as {
  isInstalled(root: string, lock: string): boolean;
};

test.each([
  ["20.20.2", false],
  ["22.12.0", false],
  ["22.13.0", true],
  ["23.0.0", true],
  ["24.18.1", true],
])("Node %s is enough: %s", (version, enough) => {
  expect(isEnough(version)).toBe(enough);
});

describe("node_modules", () => {
  const lock = JSON.stringify({
    packages: {
      "": { name: "kit" },
      "node_modules/zod": { version: "4.0.0" },
      "node_modules/@esbuild/darwin-arm64": { version: "1.0.0", optional: true },
    },
  });

  /** A root whose node_modules says that these are installed. */
  function root(packages: Record<string, unknown> | undefined): string {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "node_modules"));
    const file = join(folder, "node_modules", ".package-lock.json");
    if (packages !== undefined) writeFileSync(file, JSON.stringify({ packages }));
    return folder;
  }

  test.each([
    ["as locked, without another platform's package", { "node_modules/zod": { version: "4.0.0" } }, true],
    ["another version", { "node_modules/zod": { version: "3.0.0" } }, false],
    ["a package is missing", {}, false],
    [
      "another version of an optional one",
      {
        "node_modules/zod": { version: "4.0.0" },
        "node_modules/@esbuild/darwin-arm64": { version: "0.9.0" },
      },
      false,
    ],
    ["npm was interrupted", undefined, false],
  ])("%s", (_name, packages, installed) => {
    expect(isInstalled(root(packages), lock)).toBe(installed);
  });
});

test("an unknown task names those there are, and ends with 2", () => {
  const run = spawnSync(process.execPath, ["scripts/run.cjs", "uup"], { encoding: "utf8" });
  expect(run.status).toBe(2);
  expect(run.stderr).toMatch(/tasks: .*down.*up/);
  expect(run.stdout).toBe("");
});

describe("the count of tests", () => {
  const base = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };
  const unloaded = { status: "failed", assertionResults: [] };

  test.each([
    ["all good", base, 0, 0, "5 passed, 0 failed, 2 skipped"],
    ["none skipped", { ...base, numPendingTests: 0, numTodoTests: 0 }, 0, 0, "5 passed, 0 failed"],
    ["one failed", { ...base, numFailedTests: 1 }, 1, 0, "5 passed, 1 failed, 2 skipped"],
    [
      "a file that could not be loaded",
      { ...base, testResults: [unloaded] },
      1,
      0,
      "5 passed, 1 failed, 2 skipped",
    ],
    ["an error outside of tests", base, 1, 0, "5 passed, 1 failed, 2 skipped"],
    ["type check and lint failed", base, 0, 2, "5 passed, 2 failed, 2 skipped"],
    ["no report at all", undefined, 1, 0, "0 passed, 1 failed"],
    ["no report although all is said to be well", undefined, 0, 0, "0 passed, 1 failed"],
  ])("%s", (_name, report, exitCode, failedChecks, line) => {
    const file = join(temporaryFolder(), "report.json");
    if (report !== undefined) writeFileSync(file, JSON.stringify(report));
    expect(summaryLine(countTests(file, exitCode), failedChecks)).toBe(line);
  });
});

describe("long commands", () => {
  const base = { cwd: "/", label: "test" };

  test("leave their words in the log, and their code", async () => {
    const logFile = join(temporaryFolder(), "log");
    const outcome = await runLogged(
      { ...base, command: "/bin/sh", args: ["-c", "echo one; echo two >&2; exit 3"], logFile },
      () => undefined,
    );
    expect(outcome).toEqual({ code: 3 });
    expect(tailOf(logFile, 1)).toBe("    two");
  });

  test("are ended at their limit, and say how", async () => {
    const logFile = join(temporaryFolder(), "log");
    const job = { ...base, command: "sleep", args: ["60"], logFile, limitMs: 100 };
    expect(await runLogged(job, () => undefined)).toEqual({ code: null, reason: "SIGTERM" });
  });

  test("say how far they are", async () => {
    const logFile = join(temporaryFolder(), "log");
    const details: string[] = [];
    const job = {
      ...base,
      command: "sleep",
      args: ["1.5"],
      logFile,
      detail: () => `${details.push("asked")} of 9`,
    };
    await runLogged(job, () => undefined);
    expect(details.length).toBeGreaterThan(0);
  });

  test("that do not exist are told", async () => {
    const logFile = join(temporaryFolder(), "log");
    const outcome = await runLogged(
      { ...base, command: "/no/such/program", args: [], logFile },
      () => undefined,
    );
    expect(outcome).toMatchObject({ code: null, reason: expect.stringContaining("ENOENT") });
  });

  test("the engine's build tells how far it is", () => {
    const logFile = join(temporaryFolder(), "log");
    writeFileSync(logFile, "");
    expect(builtSoFar(logFile)).toBe("");
    writeFileSync(logFile, "go: downloading a v1\ngo: downloading b v1\n");
    expect(builtSoFar(logFile)).toBe("2 modules fetched");
    writeFileSync(logFile, "go: downloading a v1\na/b\na/c\n");
    expect(builtSoFar(logFile)).toBe("2 packages built");
  });
});
