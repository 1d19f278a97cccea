import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../../install/engine";
import { kitPaths, pulumiEnvironment } from "../../../install/pulumi-env";
import { temporaryFolder } from "./support";

const engine: Engine = { pulumi: "/engine/pulumi", dir: "/engine", version: "3.221.0", origin: "vendor" };

function home(): string {
  return join(temporaryFolder(), "kit home");
}

describe("the environment of pulumi", () => {
  test("has the kit's own state and passphrase, and engine and Node first on PATH", () => {
    const root = home();
    const env = pulumiEnvironment(engine, { REDIS_CLUSTER_KIT_HOME: root, PATH: "/usr/bin:/engine" });
    const nodeFolder = join(process.execPath, "..");
    expect(env).toMatchObject({
      PATH: `/engine:${nodeFolder}:/usr/bin`,
      PULUMI_BACKEND_URL: `file://${root}/state`,
      PULUMI_CONFIG_PASSPHRASE_FILE: `${root}/passphrase`,
      PULUMI_HOME: `${root}/pulumi`,
      PULUMI_SKIP_UPDATE_CHECK: "1",
    });
  });

  test.each([
    ["PULUMI_BACKEND_URL", "s3://bucket"],
    ["PULUMI_HOME", "/home/ada/.pulumi"],
    ["PULUMI_CONFIG_PASSPHRASE_FILE", "/home/ada/passphrase"],
  ])("the user's %s wins", (name, value) => {
    const env = pulumiEnvironment(engine, { REDIS_CLUSTER_KIT_HOME: home(), [name]: value });
    expect(env[name]).toBe(value);
  });

  test("the user's passphrase wins, the empty one too", () => {
    const env = pulumiEnvironment(engine, { REDIS_CLUSTER_KIT_HOME: home(), PULUMI_CONFIG_PASSPHRASE: "" });
    expect(env.PULUMI_CONFIG_PASSPHRASE).toBe("");
    expect(env.PULUMI_CONFIG_PASSPHRASE_FILE).toBeUndefined();
  });
});

describe("the passphrase", () => {
  test("is random, readable by its owner alone, and stays", () => {
    const root = home();
    const { passphraseFile, dataRoot } = kitPaths({ REDIS_CLUSTER_KIT_HOME: root });
    pulumiEnvironment(engine, { REDIS_CLUSTER_KIT_HOME: root });
    const first = readFileSync(passphraseFile, "utf8");
    pulumiEnvironment(engine, { REDIS_CLUSTER_KIT_HOME: root });
    expect(readFileSync(passphraseFile, "utf8")).toBe(first);
    expect(first.trim()).toMatch(/^[\w-]{43}$/);
    expect(statSync(passphraseFile).mode & 0o777).toBe(0o600);
    expect(statSync(dataRoot).mode & 0o777).toBe(0o700);
    pulumiEnvironment(engine, { REDIS_CLUSTER_KIT_HOME: home() });
  });

  test("is the same for runs that start at once", async () => {
    const root = home();
    const script = `const { pulumiEnvironment } = require("./install/pulumi-env");
      const env = pulumiEnvironment({ dir: "/engine" }, { REDIS_CLUSTER_KIT_HOME: ${JSON.stringify(root)} });
      process.stdout.write(require("node:fs").readFileSync(env.PULUMI_CONFIG_PASSPHRASE_FILE, "utf8"));`;
    const runs = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ["--require", "./scripts/ts.cjs", "-e", script]);
      return new Promise<string>((resolve) => {
        let said = "";
        child.stdout.on("data", (chunk) => (said += chunk));
        child.on("close", () => resolve(said));
      });
    });
    const seen = new Set(await Promise.all(runs));
    expect(seen.size).toBe(1);
    expect([...seen][0]).toMatch(/^[\w-]{43}\n$/);
    expect(readdirSync(root).sort()).toEqual(["passphrase", "pulumi", "state"]);
  });
});
