import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { cacheFolder, createFolder, dataFolder, readJson } from "../../../install/cache";
import { setEnvironment, temporaryFolder } from "./support";

const bootstrap = createRequire(__filename)("../../../scripts/bootstrap/paths.cjs") as {
  cacheFolder(): string;
};

describe("the cache folder", () => {
  test.each([
    ["nothing set", {}],
    ["XDG_CACHE_HOME", { XDG_CACHE_HOME: "/somewhere/cache" }],
    ["REDIS_CLUSTER_KIT_CACHE", { REDIS_CLUSTER_KIT_CACHE: "/elsewhere" }],
  ])("is the same before and after the packages are installed: %s", (_name, variables) => {
    setEnvironment({ XDG_CACHE_HOME: undefined, REDIS_CLUSTER_KIT_CACHE: undefined, ...variables });
    // env-paths reads the environment when it is loaded, so a fresh process tells.
    const script = "process.stdout.write(require('./install/cache').cacheFolder())";
    const { execFileSync } = createRequire(__filename)(
      "node:child_process",
    ) as typeof import("node:child_process");
    const said = execFileSync(process.execPath, ["--require", "./scripts/ts.cjs", "-e", script], {
      encoding: "utf8",
    });
    expect(said).toBe(bootstrap.cacheFolder());
  });

  test("can be moved by one variable each", () => {
    expect(cacheFolder({ REDIS_CLUSTER_KIT_CACHE: "/a/b" })).toBe("/a/b");
    expect(dataFolder({ REDIS_CLUSTER_KIT_HOME: "/a/c" })).toBe("/a/c");
  });
});

describe("createFolder", () => {
  test("a failure leaves nothing, and what was there stays", async () => {
    const base = temporaryFolder();
    const folder = join(base, "redis");
    mkdirSync(folder);
    writeFileSync(join(folder, "old"), "");
    const failing = createFolder(folder, async (draft) => {
      writeFileSync(join(draft, "half"), "");
      throw new Error("interrupted");
    });
    await expect(failing).rejects.toThrow("interrupted");
    expect(readdirSync(base)).toEqual(["redis"]);
    expect(readdirSync(folder)).toEqual(["old"]);
  });

  test("the folder appears only when it is whole, in place of the old one", async () => {
    const base = temporaryFolder();
    const folder = join(base, "redis");
    await createFolder(folder, async (draft) => writeFileSync(join(draft, "first"), ""));
    await createFolder(folder, async (draft) => {
      writeFileSync(join(draft, "second"), "");
      expect(readdirSync(folder)).toEqual(["first"]);
    });
    expect(readdirSync(base)).toEqual(["redis"]);
    expect(readdirSync(folder)).toEqual(["second"]);
  });

  test("removes the drafts of killed runs, not those of running ones", async () => {
    const base = temporaryFolder();
    const drafts = [
      "redis.999999999-0.tmp",
      "redis.999999999-1.tmp.old",
      `redis.${process.pid}-77.tmp`,
      "redis2",
    ];
    for (const name of drafts) mkdirSync(join(base, name));
    await createFolder(join(base, "redis"), async () => undefined);
    expect(readdirSync(base).sort()).toEqual(["redis", `redis.${process.pid}-77.tmp`, "redis2"].sort());
  });

  test("of two at once one wins, and it is whole", async () => {
    const folder = join(temporaryFolder(), "redis");
    const fill = (name: string) => async (draft: string) => {
      writeFileSync(join(draft, "a"), name);
      await new Promise((resolve) => setTimeout(resolve, 20));
      writeFileSync(join(draft, "b"), name);
    };
    await Promise.all([createFolder(folder, fill("x")), createFolder(folder, fill("y"))]);
    expect(readFileSync(join(folder, "a"), "utf8")).toBe(readFileSync(join(folder, "b"), "utf8"));
    expect(existsSync(`${folder}.old`)).toBe(false);
  });
});

test("a damaged memory file is as good as none", () => {
  const file = join(temporaryFolder(), "memory.json");
  const schema = z.object({ n: z.number() });
  expect(readJson(file, schema)).toBeUndefined();
  writeFileSync(file, '{"n": 1');
  expect(readJson(file, schema)).toBeUndefined();
  writeFileSync(file, '{"n": "1"}');
  expect(readJson(file, schema)).toBeUndefined();
  writeFileSync(file, '{"n": 1}');
  expect(readJson(file, schema)).toEqual({ n: 1 });
});
