// provider/access.ts requires the way to servers when it needs it; under vitest that wants the hook of the launcher.
import "../../../scripts/ts.cjs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils } from "ssh2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../../../cli/main";
import { declaration as declarationOf } from "../provider/declarations";
import { recordedIo } from "./support";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("a wrong command line is a 2 and says what is right", () => {
  it.each([
    [["stauts"], /unknown command 'stauts'\n\(Did you mean status\?\)/],
    [["status", "--jsn"], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [["status", "--stack"], /option '-s, --stack <name>' argument missing/],
    [["status", "surplus"], /too many arguments for 'status'/],
    [["plan", "--declaration", "a", "--data", "b"], /both name a cluster/],
  ])("%j", async (argv, text) => {
    const { io, out, err } = recordedIo();
    expect(await run(argv, io)).toBe(2);
    expect(err()).toMatch(text);
    expect(out()).toBe("");
  });
  it("no command at all prints the help", async () => {
    const { io, err } = recordedIo();
    expect(await run([], io)).toBe(2);
    expect(err()).toContain("Usage: redis-cluster-kit");
  });
});

describe("help and version are a 0", () => {
  it.each([[["--help"]], [["help", "status"]], [["status", "--help"]], [["--version"]]])(
    "%j",
    async (argv) => {
      const { io, out, err } = recordedIo();
      expect(await run(argv, io)).toBe(0);
      expect(out()).not.toBe("");
      expect(err()).toBe("");
    },
  );
});

describe("without a declaration it is a 2 with one or two lines and no stack trace", () => {
  const secret = "hunter2-hunter2";
  const cases: [string, () => string[], RegExp][] = [
    ["no such file", () => ["--declaration", join(folder, "none.json")], /none\.json: ENOENT/],
    [
      "no JSON",
      () => ["--declaration", file("text", `password ${secret}`)],
      /is no declaration: it is not JSON/,
    ],
    [
      "JSON of another kind",
      () => ["--declaration", file("other", JSON.stringify({ password: secret }))],
      /is no declaration: name: /,
    ],
    ["a folder that is no data directory", () => ["--data", folder], /is no data directory of a cluster/],
    ["no Pulumi project", () => [], /no Pulumi project in .* or above it/],
  ];
  it.each(cases)("%s", async (_, argv, text) => {
    const { io, out, err } = recordedIo({ directory: folder });
    expect(await run(["status", ...argv()], io)).toBe(2);
    expect(err()).toMatch(text);
    expect(err().trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect(err()).not.toContain(secret);
    expect(out()).toBe("");
  });
  it("--debug shows where it happened", async () => {
    const { io, err } = recordedIo({ directory: folder });
    expect(await run(["status", "--debug"], io)).toBe(2);
    expect(err()).toMatch(/\n {4}at /);
  });
});

describe("bench load", () => {
  const onServers = (sshPrivateKey?: string) => {
    const servers = [1, 2, 3, 4, 5, 6].map((number) => ({
      name: `redis-${number}`,
      host: `10.0.0.${number}`,
      zone: "abc".charAt(number % 3),
    }));
    return declarationOf({ target: "ssh", ssh: { servers }, ...(sshPrivateKey ? { sshPrivateKey } : {}) });
  };
  const key = utils.generateKeyPairSync("ed25519").private;
  it("says that there is no key for ssh, without a stack trace", async () => {
    vi.stubEnv("SSH_AUTH_SOCK", "");
    const { io, err } = recordedIo();
    const declaration = file("no-key.json", JSON.stringify(onServers()));
    expect(await run(["bench", "load", "--declaration", declaration], io)).toBe(2);
    vi.unstubAllEnvs();
    expect(err()).toMatch(/^there is no key for ssh: .*\n$/);
  });
  it("does not load a cluster on servers where nobody can be asked", async () => {
    const { io, err, out } = recordedIo();
    const declaration = file("ssh.json", JSON.stringify(onServers(key)));
    expect(await run(["bench", "load", "--declaration", declaration], io)).toBe(2);
    expect(err()).toContain(
      "runs on servers (target ssh): 50 clients will ask it as much as it can answer for up to 30 s",
    );
    expect(err()).toContain("--yes");
    expect(out()).toBe("");
  });
  it("asks where somebody is there, and takes no for an answer", async () => {
    const asked: string[] = [];
    const confirm = async (question: string) => {
      asked.push(question);
      return false;
    };
    const { io, err } = recordedIo({ confirm });
    const declaration = file("ssh.json", JSON.stringify(onServers(key)));
    expect(await run(["bench", "load", "--declaration", declaration], io)).toBe(1);
    expect(asked).toEqual(["Load it?"]);
    expect(err()).toContain("nothing was done");
  });
});
