/** What the ecosystem's own judges say of the package, and typedoc of its documentation comments. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type * as ts from "typescript";
import { describe, expect, inject, it } from "vitest";
import { tool } from "../../scripts/tools";
import { run } from "../program/support/run";
import { ROOT } from "../program/support/stack";

const judge = (file: string, ...args: string[]) =>
  run(process.execPath, [tool(file), ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
    limitMs: 240_000,
  });

describe("the packed package", () => {
  it("is clean to publint, suggestions included", async () => {
    const said = await judge("publint/src/cli.js", "run", inject("tarball"), "--strict");
    expect(said.output).toMatch(/All good!/);
    expect(said.code, said.output).toBe(0);
  });

  it("is clean to attw: its types are found and right from CommonJS and ES modules", async () => {
    const said = await judge("@arethetypeswrong/cli/dist/index.js", inject("tarball"), "--profile", "node16");
    expect(said.output).toContain("No problems found");
    expect(said.code, said.output).toBe(0);
  });
});

describe("its declarations", () => {
  it("can be read by the TypeScript inside @pulumi/pulumi, which stacks without one of their own are compiled by", () => {
    const installed = inject("installed");
    const pulumi = join(installed, "node_modules/@pulumi/pulumi/vendor");
    const [vendored = ""] = readdirSync(pulumi).filter((name) => name.startsWith("typescript@"));
    const old = createRequire(__filename)(join(pulumi, vendored, "typescript.js")) as typeof ts;
    const folder = join(installed, "node_modules/redis-cluster-kit/dist");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      /^(components|config)\b.*\.d\.ts$/.test(file),
    );
    expect(files.length).toBeGreaterThan(30);
    const bad = files.filter((file) => {
      const { outputText: _, diagnostics = [] } = old.transpileModule(
        readFileSync(join(folder, file), "utf8"),
        {
          fileName: file.replace(/\.d\.ts$/, ".ts"),
          reportDiagnostics: true,
        },
      );
      return diagnostics.length > 0;
    });
    expect(bad).toEqual([]);
  });
});

describe("npm run docs:api", () => {
  it("has no warning", async () => {
    const said = await judge(
      "typedoc/bin/typedoc",
      "--emit",
      "none",
      "--options",
      join(ROOT, "typedoc.json"),
    );
    expect(said.output).not.toMatch(/warning|error/i);
    expect(said.code, said.output).toBe(0);
  });
});
