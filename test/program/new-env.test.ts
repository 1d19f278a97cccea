/** `npm run new-env` in a clone of its own: the file that it makes, its secret, and that the environment can be previewed. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { ensureEngine } from "../../install/engine";
import { freePorts } from "../support/ports";
import { redisBinaries } from "../support/redis-binaries";
import { run } from "./support/run";
import { ROOT } from "./support/stack";

let folder = "";
let clone = "";
const env: NodeJS.ProcessEnv = { ...process.env };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-clone-"));
  clone = join(folder, "clone");
  // What git would have, with the changes that are being tested.
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const path of listed.split("\0").filter((each) => each !== "" && existsSync(join(ROOT, each)))) {
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    cpSync(join(ROOT, path), join(clone, path));
  }
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
  const engine = await ensureEngine((line) => console.log(line));
  Object.assign(env, {
    PATH: `${engine.dir}:${env.PATH ?? ""}`,
    REDIS_CLUSTER_KIT_HOME: join(folder, "kit"),
    PULUMI_HOME: join(folder, "home"),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const npm = (...args: string[]) => run("npm", ["run", "--silent", ...args], { cwd: clone, env });
const stackFile = (name: string) => readFileSync(join(clone, `Pulumi.${name}.yaml`), "utf8");

test("makes a commented stack file with a secret of its own, and a stack that can be previewed", async () => {
  const made = await npm("new-env", "--", "qa");
  expect(made.code, made.output).toBe(0);
  expect(made.output).toContain("Pulumi.qa.yaml: target local. Edit it, then `npm run up -- --stack qa`.");
  const text = stackFile("qa");
  expect(text.split("\n").filter((line) => line.includes("# ")).length).toBeGreaterThan(5);
  const { config, encryptionsalt } = parse(text) as {
    config: Record<string, { secure?: string } | string>;
    encryptionsalt: string;
  };
  expect(encryptionsalt).toMatch(/^v1:/);
  expect(config["redis-cluster-kit:password"]).toEqual({ secure: expect.stringMatching(/^v1:/) });

  const shown = await npm("pulumi", "--", "config", "get", "password", "--stack", "qa");
  const password = shown.output.trim().split("\n").at(-1) ?? "";
  expect(password.length).toBeGreaterThanOrEqual(32);
  expect(text).not.toContain(password);

  const [port = 0] = await freePorts(6);
  const redis = await redisBinaries("5.0");
  const values = { basePort: String(port), redisVersion: redis.version, redisSource: redis.server };
  const plain = Object.entries(values).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
  const set = await npm("pulumi", "--", "config", "set-all", ...plain, "--stack", "qa");
  expect(set.code, set.output).toBe(0);
  const preview = await npm("pulumi", "--", "preview", "--stack", "qa", "--non-interactive");
  expect(preview.code, preview.output).toBe(0);
  expect(preview.output).toContain("3 to create");
  expect(preview.output).not.toContain(password);
  expect(stackFile("dev")).toBe(readFileSync(join(ROOT, "Pulumi.dev.yaml"), "utf8"));
});

test("makes one for servers with none of the example's secrets, and refuses a name that is taken", async () => {
  const made = await npm("new-env", "--", "qa2", "--target", "ssh");
  expect(made.code, made.output).toBe(0);
  const { config } = parse(stackFile("qa2")) as { config: Record<string, unknown> };
  expect(config["redis-cluster-kit:target"]).toBe("ssh");
  const secrets = Object.entries(config).filter(([, value]) => JSON.stringify(value).includes('"secure"'));
  expect(secrets.map(([key]) => key)).toEqual(["redis-cluster-kit:password"]);

  const again = await npm("new-env", "--", "qa");
  expect(again.code).not.toBe(0);
  expect(again.output).toContain("Pulumi.qa.yaml is there already");
});
