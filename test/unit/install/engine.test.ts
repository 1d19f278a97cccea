import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { ensureEngine, findEngine, VENDOR_ENGINE } from "../../../install/engine";
import { BUILT_ENGINE } from "../../../install/engine-build";
import { setEnvironment, temporaryFolder } from "./support";

beforeEach(() => {
  setEnvironment({ REDIS_CLUSTER_KIT_CACHE: temporaryFolder() });
});

/** A folder, first on PATH, with a pulumi that says its version and counts how often it is asked. */
function installPulumi(version: string, programs = ["pulumi", "pulumi-language-nodejs"]): string {
  const folder = temporaryFolder();
  for (const name of programs) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho asked >> "${folder}/asked"\necho ${version}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  setEnvironment({ PATH: `${folder}:/usr/bin:/bin` });
  return folder;
}

describe("the engine on PATH", () => {
  test("is used when it is new enough and has Node's language host", async () => {
    const dir = installPulumi("v3.221.0");
    const lines: string[] = [];
    const engine = await ensureEngine((line) => lines.push(line));
    expect(engine).toEqual({ pulumi: join(dir, "pulumi"), dir, version: "3.221.0", origin: "installed" });
    expect(lines).toEqual([]);
  });

  test("is asked for its version once", () => {
    const dir = installPulumi("v3.221.0");
    for (let i = 0; i < 3; i++) expect(findEngine()?.version).toBe("3.221.0");
    expect(readFileSync(join(dir, "asked"), "utf8")).toBe("asked\n");
  });

  test("is asked again after it was replaced", () => {
    const dir = installPulumi("v3.221.0");
    expect(findEngine()?.version).toBe("3.221.0");
    writeFileSync(join(dir, "pulumi"), "#!/bin/sh\necho v3.230.0-alpha.1\n");
    expect(findEngine()?.version).toBe("3.230.0");
  });

  test.each([
    ["too old", "v3.149.0", undefined],
    ["without a version", "", undefined],
    ["without the language host", "v3.221.0", ["pulumi"]],
  ])("is passed over: %s", (_name, version, programs) => {
    installPulumi(version, programs);
    expect(findEngine()).toBeUndefined();
  });
});

describe("the engine in the cache", () => {
  test.each([
    ["vendor", VENDOR_ENGINE.version],
    ["built", BUILT_ENGINE.version],
  ] as const)("is used if there is none on PATH: %s", (origin, version) => {
    setEnvironment({ PATH: temporaryFolder() });
    expect(findEngine()).toBeUndefined();
    const dir = join(
      process.env.REDIS_CLUSTER_KIT_CACHE ?? "",
      "pulumi",
      `${version}-${origin}-${process.platform}-${process.arch}`,
    );
    mkdirWithHost(dir);
    expect(findEngine()).toEqual({ pulumi: join(dir, "pulumi"), dir, version, origin });
  });
});

function mkdirWithHost(dir: string): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "pulumi-language-nodejs"), "");
}

test("the vendor's release is pinned for every platform", () => {
  expect(Object.keys(VENDOR_ENGINE.sha256).sort()).toEqual([
    "darwin-arm64",
    "darwin-x64",
    "linux-arm64",
    "linux-x64",
  ]);
  for (const sha256 of Object.values(VENDOR_ENGINE.sha256)) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
});
