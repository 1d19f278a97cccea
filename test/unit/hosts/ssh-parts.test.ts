/** The parts of the ssh host that need no server: what scripts say, what errors say, keys, quoting. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { utils } from "ssh2";
import { describe, expect, it } from "vitest";
import { UserError } from "../../../hosts/errors";
import { createSshHosts } from "../../../hosts/ssh";
import {
  AccessError,
  ConnectionLostError,
  connectError,
  describeServer,
  dialError,
} from "../../../hosts/ssh/errors";
import { factsFrom, parseLines, parseListeners, unitState } from "../../../hosts/ssh/facts";
import { fingerprint, HostKeys, keyLine, keyName } from "../../../hosts/ssh/host-keys";
import { limited } from "../../../hosts/ssh/limit";
import { problemsIn } from "../../../hosts/ssh/preflight";
import { quote } from "../../../hosts/ssh/root";
import * as scripts from "../../../hosts/ssh/scripts";

const SERVER = { host: "10.0.0.11", port: 22, user: "admin" };

describe("state of the unit", () => {
  const state = (text: string) => unitState(parseLines(text));
  const cases: readonly [string, string, string][] = [
    ["a running one", "ActiveState=active\nSubState=running\nMainPID=77\nControlPID=0", "running"],
    [
      "one that loads its data (Type=notify)",
      "ActiveState=activating\nSubState=start\nMainPID=77",
      "running",
    ],
    [
      "one that is saving before it ends",
      "ActiveState=deactivating\nSubState=stop-sigterm\nMainPID=77",
      "running",
    ],
    ["one that was stopped", "ActiveState=inactive\nSubState=dead\nMainPID=0\nControlPID=0", "stopped"],
    [
      "one that does not exist",
      "LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0",
      "stopped",
    ],
    ["one that died for good", "ActiveState=failed\nSubState=failed\nMainPID=0\nControlPID=0", "stopped"],
    [
      "one that systemd is about to start again",
      "ActiveState=activating\nSubState=auto-restart\nMainPID=0",
      "unknown",
    ],
    ["one whose helper runs", "ActiveState=inactive\nMainPID=0\nControlPID=5", "unknown"],
    [
      "one that ends without a process to see",
      "ActiveState=deactivating\nSubState=final-sigkill\nMainPID=0",
      "unknown",
    ],
    ["no answer of systemd", "", "unknown"],
    ["half an answer", "ActiveState=inactive", "unknown"],
  ];
  it.each(cases)("of %s", (_, text, process) => expect(state(text).process).toBe(process));

  it("is never called stopped for a text that does not say so", () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/ActiveState=(inactive|failed)/.test(text));
        expect(unitState(parseLines(text)).process).not.toBe("stopped");
      }),
    ));
});

describe("facts", () => {
  const stopped = "ActiveState=inactive\nSubState=dead\nMainPID=0\nControlPID=0\n";
  const listener =
    'listener=6379 LISTEN 0 128 0.0.0.0:6379 0.0.0.0:* users:(("python3",pid=99,fd=3))\nlistener=16379 LISTEN 0 5 *:16379 *:*';

  it("of a stopped node tell who has its port", () => {
    expect(factsFrom(`${stopped}data=present\nran=5.0.14\n${listener}`, { expectInstalled: true })).toEqual({
      process: "stopped",
      data: "present",
      dataVersion: "5.0.14",
      portHolder: { port: 6379, description: "python3 (pid 99)" },
    });
    expect(parseListeners(parseLines(listener).get("listener"))[1]?.description).toMatch(/does not name/);
  });

  it("of a running one do not: it is its own", () => {
    const running = `ActiveState=active\nSubState=running\nMainPID=99\ndata=present\n${listener}`;
    expect(factsFrom(running, { expectInstalled: true }).portHolder).toBeUndefined();
  });

  it("take a declared Redis that is not there yet for one that comes, until provisioning had its turn", () => {
    const text = `${stopped}data=empty\ncurrent=5.0.14`;
    expect(factsFrom(text, { expectInstalled: false }).installedVersion).toBeUndefined();
    expect(factsFrom(text, { expectInstalled: true }).installedVersion).toBe("5.0.14");
    expect(factsFrom(`${text}\ndeclared=7.0.15`, { expectInstalled: true }).installedVersion).toBe("7.0.15");
  });

  it("name no version of data that is not there", () =>
    expect(
      factsFrom(`${stopped}data=empty\nran=5.0.14`, { expectInstalled: true }).dataVersion,
    ).toBeUndefined());
});

describe("preflight", () => {
  const fine =
    "ActiveState=inactive\nSubState=dead\nMainPID=0\nControlPID=0\nprovisioned=yes\ndeclared=5.0.14\nowner=redis\nfree=9999999999\nfreeConf=9999999999\nmemory=8589934592\naddress=yes\n";
  const wanted = {
    redisVersion: "5.0.14",
    dataDirectory: "/var/lib/redis",
    redisConf: "maxmemory 1gb-in-bytes\nmaxmemory 1073741824\n",
    address: "10.0.0.11",
  };
  const problems = (text: string, more: Partial<typeof wanted> = {}) =>
    problemsIn(parseLines(text), "server", { ...wanted, ...more });

  it("finds nothing on a good server", () => expect(problems(fine)).toEqual([]));

  const cases: readonly [string, string, RegExp][] = [
    ["not set up", fine.replace("provisioned=yes", "provisioned=no"), /not set up.*pulumi up/],
    ["without the declared Redis", fine.replace("declared=5.0.14\n", ""), /Redis 5\.0\.14 is not installed/],
    ["without the address", fine.replace("address=yes", "address=no"), /has no address 10\.0\.0\.11/],
    ["with a full disk", fine.replace("free=9999999999", "free=1048576"), /1 MiB free, 64 MiB are needed/],
    ["with somebody else's folder", fine.replace("owner=redis", "owner=root"), /belongs to root/],
    ["without the folder", fine.replace("owner=redis", "owner="), /is not there/],
    [
      "that is too small",
      fine.replace("memory=8589934592", "memory=536870912"),
      /512 MiB of memory.*maxmemory is 1024 MiB/,
    ],
    [
      "with a foreign program",
      `${fine}listener=6379 LISTEN 0 1 *:6379 *:* users:(("nginx",pid=4,fd=3))`,
      /port 6379 is taken by nginx \(pid 4\)/,
    ],
  ];
  it.each(cases)("finds a server %s", (_, text, expected) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });
});

describe("errors on the way", () => {
  const who = describeServer('server "s1"', SERVER);
  const error = (message: string, fields: object = {}) =>
    connectError(Object.assign(new Error(message), fields), who, SERVER, "the declared ssh-ed25519 key");

  it("name server and cure", () => {
    expect(who).toBe('server "s1" (admin@10.0.0.11)');
    expect(error("connect ECONNREFUSED", { code: "ECONNREFUSED", level: "client-socket" }).message).toMatch(
      /^server "s1" \(admin@10\.0\.0\.11\) cannot be reached: connection refused\. Start its sshd.*The other servers were left/,
    );
    expect(error("Timed out while waiting for handshake", { level: "client-timeout" }).message).toMatch(
      /no answer/,
    );
    expect(error("getaddrinfo ENOTFOUND x", { code: "ENOTFOUND", level: "client-dns" }).message).toMatch(
      /no address/,
    );
    expect(error("(SSH) Channel open failure: administratively prohibited").message).toMatch(
      /AllowTcpForwarding/,
    );
    expect(
      error("All configured authentication methods failed", { level: "client-authentication" }),
    ).toBeInstanceOf(AccessError);
  });

  it("are worth another try where the connection broke", () =>
    expect(
      error("Connection lost before handshake", { level: "client-socket", code: "ECONNRESET" }),
    ).toBeInstanceOf(ConnectionLostError));

  it("of a dial carry the codes of a plain socket", () => {
    const codeOf = (text: string) =>
      Reflect.get(dialError(new Error(text), "10.0.0.1", 6379), "code") as unknown;
    expect(codeOf("(SSH) Channel open failure: Connection refused")).toBe("ECONNREFUSED");
    expect(codeOf("(SSH) Channel open failure: No route to host")).toBe("ETIMEDOUT");
    expect(dialError(new Error("administratively prohibited"), "10.0.0.1", 1)).toBeInstanceOf(AccessError);
  });

  it("of a missing or bad key come before any connection", () => {
    const make = (ssh: object) => () =>
      createSshHosts({ servers: {}, files: () => undefined, redisVersion: "5.0.14", ...ssh });
    expect(make({ privateKey: "nonsense" })).toThrow(UserError);
    expect(make({ agent: "" })).toThrow(/there is no key for ssh/);
  });
});

describe("host keys", () => {
  const pair = utils.generateKeyPairSync("ed25519");
  const other = utils.generateKeyPairSync("ed25519");
  const bytes = (line: string) => Buffer.from(line.split(" ")[1] ?? "", "base64");

  it("are written as known_hosts has them", () => {
    expect(keyLine(bytes(pair.public))).toBe(pair.public.split(" ").slice(0, 2).join(" "));
    expect(fingerprint(pair.public)).toMatch(/^ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}$/);
    expect([keyName(SERVER), keyName({ host: "h", port: 2222 })]).toEqual(["10.0.0.11", "[h]:2222"]);
  });

  it("are learned once, and then another one is refused with both fingerprints", () => {
    const keys = new HostKeys();
    keys.check("s1", SERVER, bytes(pair.public));
    keys.check("s1", SERVER, bytes(pair.public));
    expect(() => keys.check("s1", SERVER, bytes(other.public))).toThrow(fingerprint(pair.public));
    expect(() => new HostKeys(keys.all()).check("s1", SERVER, bytes(other.public))).toThrow(
      fingerprint(other.public),
    );
  });

  it("that are declared go before learned ones, comments aside", () => {
    const keys = new HostKeys({ [keyName(SERVER)]: keyLine(bytes(other.public)) });
    const pinned = { ...SERVER, hostKey: `${pair.public.split(" ").slice(0, 2).join(" ")} root@s1` };
    keys.check("s1", pinned, bytes(pair.public));
    expect(() => keys.check("s1", pinned, bytes(other.public))).toThrow(/than the declared one/);
    expect(keys.algorithms({ ...SERVER, hostKey: "ssh-rsa AAAA" }).slice(0, 2)).toEqual([
      "rsa-sha2-512",
      "rsa-sha2-256",
    ]);
  });

  it("are never taken for one that cannot be read", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (junk) => {
        const keys = new HostKeys({ [keyName(SERVER)]: keyLine(bytes(pair.public)) });
        expect(() => keys.check("s1", SERVER, Buffer.from(junk))).toThrow(AccessError);
      }),
    ));
});

describe("shell", () => {
  it("gets any word as one word", () =>
    fc.assert(
      fc.property(
        fc.string().filter((word) => !word.includes("\0")),
        (word) => {
          const said = execFileSync("/bin/sh", ["-c", `printf %s ${quote(word)}`], { encoding: "utf8" });
          expect(said).toBe(Buffer.from(word, "utf8").toString("utf8"));
        },
      ),
      { numRuns: 30 },
    ));

  it("understands every script", () => {
    const texts = Object.entries(scripts).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
    expect(texts.length).toBeGreaterThan(8);
    for (const [, text] of texts) execFileSync("/bin/sh", ["-n", "-c", text]);
  });
});

it("at most so many at a time, in order, failures included", async () => {
  const run = limited(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const work = (n: number) =>
    run(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      order.push(n);
      if (n === 1) throw new Error("one fails");
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  expect([most, running, order]).toEqual([2, 0, [0, 1, 2, 3, 4]]);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
});
