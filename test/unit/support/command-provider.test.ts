/** The stand-in for the plugin of @pulumi/command behaves as the real one's source says. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { Server, type ServerChannel, utils } from "ssh2";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EngineLog } from "../../../provider/engine-log";
import { type PlainObject, secret } from "../../../provider/wire";
import { commandOperations } from "../../support/command-provider/operations";

const hostKeys = utils.generateKeyPairSync("ed25519");
const userKeys = utils.generateKeyPairSync("ed25519");
const SUBJECT = { urn: "urn:pulumi:s::p::command:remote:Command::c", name: "c" };

interface Ran {
  readonly command: string;
  readonly stdin: string;
}

let server: Server;
let port = 0;
let ran: Ran[] = [];
let attempts = 0;

/** "fail" fails with output; everything else says what it was and what came in. */
function serve(channel: ServerChannel, command: string): void {
  let stdin = "";
  channel.on("data", (chunk: Buffer) => {
    stdin += chunk.toString();
  });
  channel.on("end", () => {
    ran.push({ command, stdin });
    channel.write(`${command} got ${stdin.length}\n`);
    if (command.startsWith("fail")) channel.stderr.write("the reason\n");
    channel.exit(command.startsWith("fail") ? 3 : 0);
    channel.end();
  });
}

beforeAll(async () => {
  server = new Server({ hostKeys: [hostKeys.private] }, (client) => {
    attempts += 1;
    const known = utils.parseKey(userKeys.public);
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      const isKnown =
        context.method === "publickey" &&
        !(known instanceof Error) &&
        context.key.data.equals(known.getPublicSSH());
      if (isKnown) context.accept();
      else context.reject(["publickey"]);
    });
    client.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, info) => serve(acceptExec(), info.command));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());
beforeEach(() => {
  ran = [];
  attempts = 0;
});

const operations = commandOperations(new EngineLog(undefined));
const connection = (part: object = {}) => ({
  host: "127.0.0.1",
  port,
  user: "me",
  privateKey: userKeys.private,
  hostKey: hostKeys.public.trim(),
  dialErrorLimit: 1,
  ...part,
});
const inputs = (part: object = {}, at: object = {}) =>
  ({
    connection: secret(connection(at)),
    create: "make",
    logging: "none",
    ...part,
  }) as unknown as PlainObject;
const create = (part: object = {}, at: object = {}) =>
  operations.create({ ...SUBJECT, inputs: inputs(part, at), preview: false });

describe("remote.Command", () => {
  test("create runs with its stdin; a preview runs nothing; secrets stay secrets in the state", async () => {
    await operations.create({ ...SUBJECT, inputs: inputs(), preview: true });
    expect(ran).toEqual([]);
    const { outputs } = await create({ stdin: secret("12345") });
    expect(ran).toEqual([{ command: "make", stdin: "12345" }]);
    expect(outputs).toMatchObject({ stdout: "make got 5", stderr: "", stdin: secret("12345") });
    expect(
      JSON.stringify(Object.entries(outputs).filter(([key]) => key !== "connection" && key !== "stdin")),
    ).not.toContain("12345");
  });

  test("any changed input is a change, the way there included; the same inputs are none", async () => {
    const diff = (newInputs: PlainObject) =>
      operations.diff({ ...SUBJECT, oldInputs: inputs(), oldOutputs: {}, newInputs });
    expect(await diff(inputs())).toEqual({ hasChanges: false, changes: [] });
    expect((await diff(inputs({}, { dialErrorLimit: 9 }))).changes).toEqual([
      { path: "connection", kind: "update" },
    ]);
    expect((await diff(inputs({ stdin: "x" }))).changes).toEqual([{ path: "stdin", kind: "add" }]);
    expect((await diff(inputs({ triggers: [1] }))).changes.map(({ path }) => path)).toEqual(["triggers"]);
  });

  test("update runs update, or create where there is none; delete runs delete, or nothing", async () => {
    const update = (newInputs: PlainObject) =>
      operations.update({
        ...SUBJECT,
        id: "i",
        oldInputs: inputs(),
        oldOutputs: {},
        newInputs,
        preview: false,
      });
    await update(inputs({ update: "change" }));
    await update(inputs());
    await operations.delete({ ...SUBJECT, inputs: inputs(), outputs: {} });
    await operations.delete({ ...SUBJECT, inputs: inputs({ delete: "remove" }), outputs: {} });
    expect(ran.map(({ command }) => command)).toEqual(["change", "make", "remove"]);
  });

  test("a failed command's error repeats the command and what it said, and not its stdin", async () => {
    const error: Error = await create({ create: "fail now", stdin: "my-secret" }).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.message).toBe(
      'Process exited with status 3: running "fail now":\nfail now got 9\nthe reason\n',
    );
  });

  test.each([
    [
      "a key that is not known",
      { privateKey: utils.generateKeyPairSync("ed25519").private },
      "unable to authenticate",
    ],
    [
      "another host key",
      { hostKey: utils.generateKeyPairSync("ed25519").public.trim() },
      "host key mismatch",
    ],
    ["no key at all", { privateKey: "nonsense" }, "ssh: no key found"],
  ])("%s", async (_, at, expected) => {
    await expect(create({}, at)).rejects.toThrow(expected);
    expect(ran).toEqual([]);
  });

  test("dialling is tried again as often as it is said, and no more", async () => {
    const key = utils.generateKeyPairSync("ed25519").private;
    await expect(create({}, { privateKey: key, dialErrorLimit: 3 })).rejects.toThrow(
      "after 3 failed attempts: ssh: handshake failed",
    );
    expect(attempts).toBe(4);
  });

  test("without hostKey any server is believed", async () => {
    await create({}, { hostKey: undefined });
    expect(ran).toHaveLength(1);
  });
});

test("the real package's class asks for what the stand-in gives", () => {
  const real = readFileSync(require.resolve("@pulumi/command/remote/command.js"), "utf8");
  expect(real).toContain("Command.__pulumiType = 'command:remote:Command'");
  expect(real).toContain('replaceOnChanges: ["triggers[*]"]');
});
