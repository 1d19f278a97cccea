/** Redis gets onto a server: from source, from an archive, from the package; whole or not at all. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tar from "tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  configureScript,
  installScript,
  preflightScript,
  type ServerPlan,
} from "../../templates/server/scripts";
import { type Lab, type LabHost, startLab } from "./support/lab";
import { describeWithLab } from "./support/tier";

const KIT = "/opt/redis-cluster-kit";
const FLAGS = "-O0";

/** Not Redis: two small programs that tell a version, in a tarball like Redis's. What is tested is the script around it. */
function sourceFiles(version: string): Record<string, string> {
  const program = `#include <stdio.h>\nint main(void) { puts("Redis server v=${version} sha=00000000:0 malloc=libc bits=64 build=0"); return 0; }\n`;
  return {
    "redis/Makefile": `all:\n\t$(SLOW)\n\t$(CC) $(CFLAGS) -o src/redis-server src/redis-cli.c\n\tcp src/redis-server src/redis-cli\n`,
    "redis/src/redis-cli.c": program,
  };
}

describeWithLab("Redis on a server", () => {
  let lab: Lab;
  let host: LabHost;
  let folder: string;

  beforeAll(async () => {
    lab = await startLab({ hosts: 1 });
    const [only] = lab.hosts;
    if (only === undefined) throw new Error("the lab has no host");
    host = only;
    folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-install-"));
  });
  afterAll(async () => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    await lab?.stop();
  });

  const plan = (part: Partial<ServerPlan> = {}): ServerPlan => ({
    cluster: "c",
    node: "h1",
    version: "5.0.14",
    install: "source",
    port: 6379,
    address: host.address,
    maxmemoryBytes: 64 * 1024 ** 2,
    persistent: true,
    ...part,
  });
  const run = (script: string) => lab.tryExec(host, ["sh", "-s"], { stdin: script, timeoutMs: 120_000 });

  /** Puts a tarball of these files on the host; its address and checksum. */
  const offer = async (name: string, files: Readonly<Record<string, string>>) => {
    const place = join(folder, name);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(place, path, ".."), { recursive: true });
      writeFileSync(join(place, path), text, { mode: 0o755 });
    }
    const file = `${place}.tar.gz`;
    await tar.create({ file, cwd: place, gzip: true }, Object.keys(files));
    const bytes = readFileSync(file);
    const encoded = bytes.toString("base64");
    await lab.exec(host, ["sh", "-c", `base64 -d > /root/${name}.tar.gz`], { stdin: encoded });
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { url: `file:///root/${name}.tar.gz`, upload: "", sha256 };
  };
  const installed = async () =>
    (await lab.sh(host, `ls -A ${KIT} 2>/dev/null || true`)).trim().split("\n").join(" ");

  test("what is not the declared file, another version, or does not build: told, and nothing is left", async () => {
    const good = await offer("good", sourceFiles("5.0.14"));
    const changed = await run(installScript(plan(), { ...good, sha256: "0".repeat(64) }, FLAGS));
    expect(changed.stderr).toMatch(
      /problem: h1: the archive is not the declared one: sha256 [0-9a-f]{64} instead of 0{64}/,
    );
    const older = await run(installScript(plan(), await offer("older", sourceFiles("5.0.13")), FLAGS));
    expect(older.stderr).toMatch(/what was installed is Redis 5\.0\.13, declared is 5\.0\.14/);
    const broken = await offer("broken", {
      ...sourceFiles("5.0.14"),
      "redis/src/redis-cli.c": "int main(void) { nonsense }",
    });
    expect((await run(installScript(plan(), broken, FLAGS))).stderr).toMatch(
      /building Redis failed: .*error/,
    );
    const missing = await run(installScript(plan(), { ...good, url: "file:///root/nowhere.tar.gz" }, FLAGS));
    expect(missing.stderr).toContain("cannot be fetched from here");
    expect([changed.code, older.code, missing.code]).toEqual([1, 1, 1]);
    expect(await installed()).toBe("");
  });

  test("a build that is killed leaves no Redis; the next run clears up and builds", async () => {
    const slow = await offer("slow", sourceFiles("5.0.14"));
    const script = installScript(plan(), slow, FLAGS).replace(" make -C", " SLOW='sleep 60' make -C");
    await lab.exec(host, ["sh", "-c", "cat > /root/slow.sh"], { stdin: script });
    await lab.sh(
      host,
      "systemd-run -q --unit=slow -p StandardInput=file:/root/slow.sh sh -s; for i in $(seq 300); do pgrep -x make >/dev/null && break; sleep 0.1; done; pgrep -x make; systemctl kill -s KILL slow",
    );
    expect(await installed()).toMatch(/^\.build-\w+$/);
    const place = await offer("good", sourceFiles("5.0.14"));
    expect((await run(installScript(plan(), place, FLAGS))).stdout).toContain(`changed: ${KIT}/redis-5.0.14`);
    expect(await installed()).toBe("redis-5.0.14");
    const told = await lab.sh(
      host,
      `cd ${KIT}/redis-5.0.14; cat VERSION unit.conf; stat -c '%a %U' redis-server redis-cli .`,
    );
    expect(told).toContain("5.0.14\n[Service]\nType=notify\n");
    expect(told.trim().split("\n").slice(-3)).toEqual(["755 root", "755 root", "755 root"]);
  });

  test("again: nothing is fetched and nothing written", async () => {
    const before = await lab.sh(host, `stat -c '%i %Z' ${KIT}/redis-5.0.14/*`);
    const again = await run(
      installScript(plan(), { url: "file:///root/nowhere.tar.gz", upload: "", sha256: "" }, FLAGS),
    );
    expect([again.code, again.stdout, again.stderr]).toEqual([0, "ready: Redis 5.0.14\n", ""]);
    expect(await lab.sh(host, `stat -c '%i %Z' ${KIT}/redis-5.0.14/*`)).toBe(before);
  });

  test("an archive of programs for another system", async () => {
    const other = await offer("other", {
      "redis-server": "\u007fELF for another processor",
      "redis-cli": "x",
    });
    const said = await run(installScript(plan({ version: "6.2.14", install: "archive" }), other, FLAGS));
    expect(said.stderr).toMatch(
      /this redis-server does not run here: .*\n.*built for this system and processor/,
    );
    const empty = await offer("empty", { readme: "no programs" });
    const none = await run(installScript(plan({ version: "6.2.14", install: "archive" }), empty, FLAGS));
    expect(none.stderr).toContain("there is no redis-server in the archive");
    expect(await installed()).toBe("redis-5.0.14");
  });

  test("the package, where it is of the declared version, starts nothing by itself", async () => {
    const nothing = { url: "", upload: "", sha256: "" };
    const wrong = await run(preflightScript(plan({ version: "6.2.14", install: "package" })));
    expect(wrong.stderr).toMatch(/the distribution's package is of Redis 7\.0\.15, declared is 6\.2\.14/);
    const own = plan({ version: "7.0.15", install: "package" });
    expect(await run(preflightScript(own))).toMatchObject({ code: 0 });
    expect(await run(installScript(own, nothing, ""))).toMatchObject({ code: 0, stderr: "" });
    expect(
      await lab.sh(host, `${KIT}/redis-7.0.15/redis-server --version; cat ${KIT}/redis-7.0.15/unit.conf`),
    ).toMatch(/v=7\.0\.15 [\s\S]*Type=notify\n/);
    expect((await lab.tryExec(host, ["pgrep", "-x", "redis-server"])).code).toBe(1);
  });

  test("the version in use is the first one installed, until it is switched", async () => {
    expect(await run(configureScript(plan()))).toMatchObject({ code: 0 });
    const current = () => lab.sh(host, `readlink ${KIT}/current`);
    expect(await current()).toBe("redis-5.0.14\n");
    expect(await run(configureScript(plan({ version: "7.0.15" })))).toMatchObject({ code: 0 });
    expect(await current()).toBe("redis-5.0.14\n");
    await lab.exec(host, [`${KIT}/switch`, "7.0.15"]);
    expect(await current()).toBe("redis-7.0.15\n");
    expect((await lab.tryExec(host, [`${KIT}/switch`, "6.2.14"])).code).toBe(3);
    expect((await lab.tryExec(host, [`${KIT}/switch`, "../../etc"])).code).toBe(2);
    const twice = await run(configureScript(plan({ version: "7.0.15" })));
    expect(twice.stdout).not.toContain("changed:");
    const atBoot = () => lab.sh(host, "systemctl is-enabled redis-cluster-kit || true");
    expect(await atBoot()).toBe("enabled\n");
    expect(await run(configureScript(plan({ persistent: false })))).toMatchObject({ code: 0 });
    expect(await atBoot()).toBe("disabled\n");
  });
});
