/** Who is told that Pulumi.yaml lacks the plugin, and who is left alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { undeclaredPlugin } from "../../../provider/undeclared";

const PLUGIN = "pulumi-resource-redis-cluster-kit";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-undeclared-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, text = ""): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return dirname(path);
}

/** A program of project "shop" in `directory` below the folder, on a machine with nothing installed. */
function ask(directory = ".", env: NodeJS.ProcessEnv = {}): string | undefined {
  const bare = { PATH: join(folder, "path"), PULUMI_HOME: join(folder, "home"), ...env };
  return undeclaredPlugin({ project: "shop", directory: join(folder, directory), env: bare });
}

describe("a Pulumi.yaml without the plugin", () => {
  it.each([
    "name: shop\nruntime: nodejs\n",
    'runtime: nodejs\nname: "shop" # ours\n',
    '{ "name": "shop", "runtime": "nodejs" }',
    "name: shop\nplugins:\n  providers:\n    - name: other\n      path: other\n",
    "name: shop\ndescription: runs redis-cluster-kit\nruntime: nodejs\n",
  ])("is told the lines: %j", (text) => {
    write("Pulumi.yaml", text);
    write(`node_modules/redis-cluster-kit/bin/${PLUGIN}`);
    const lines = `plugins:\n  providers:\n    - name: redis-cluster-kit\n      path: node_modules/redis-cluster-kit/bin\n`;
    expect(ask()).toBe(
      `${join(folder, "Pulumi.yaml")} does not say where the provider plugin of redis-cluster-kit is. Add:\n\n${lines}`,
    );
  });

  it("is found from a program below it, and the package above it", () => {
    write("stacks/shop/Pulumi.yaml", "name: shop\n");
    write(`node_modules/redis-cluster-kit/bin/${PLUGIN}`);
    write("stacks/shop/infra/index.ts");
    expect(ask("stacks/shop/infra")).toContain("path: ../../node_modules/redis-cluster-kit/bin\n");
  });
});

describe("nothing is said", () => {
  it.each([
    "name: shop\nplugins:\n  providers:\n    - name: redis-cluster-kit\n      path: anywhere\n",
    "name: shop\nplugins: { providers: [{ name: redis-cluster-kit, path: bin }] }\n",
    '{ "name": "shop", "plugins": { "providers": [{ "name": "redis-cluster-kit", "path": "bin" }] } }',
    "name: shop\npackages:\n  redis-cluster-kit: ./node_modules/redis-cluster-kit/bin\n",
  ])("where it is declared: %j", (text) => {
    write("Pulumi.yaml", text);
    expect(ask()).toBeUndefined();
  });

  it("where there is no project file, or only another project's", () => {
    expect(ask()).toBeUndefined();
    write("Pulumi.yaml", "name: other\n");
    expect(ask()).toBeUndefined();
  });

  it("where the engine finds the plugin by itself", () => {
    write("Pulumi.yaml", "name: shop\n");
    expect(ask()).toBeDefined();
    expect(ask(".", { PULUMI_DEBUG_PROVIDERS: "redis-cluster-kit:1234" })).toBeUndefined();
    write(`home/plugins/resource-redis-cluster-kit-v0.1.0/${PLUGIN}`);
    expect(ask()).toBeUndefined();
  });

  it("where PATH has it, unless the engine is told not to look there", () => {
    write("Pulumi.yaml", "name: shop\n");
    write(`path/${PLUGIN}`);
    expect(ask()).toBeUndefined();
    expect(ask(".", { PULUMI_IGNORE_AMBIENT_PLUGINS: "true" })).toBeDefined();
  });
});
