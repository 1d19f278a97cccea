import { describe, expect, it } from "vitest";
import { type Command, type NodeClient, RedisReplyError, type Reply } from "../../../cluster/client";
import { countAll, setSlots, sizesOf } from "../../../cluster/mover/scripts";

type Answer = (command: Command) => Reply | RedisReplyError;

/** A node that records what it is asked and answers by a function. */
function node(answer: Answer): { client: NodeClient; asked: string[] } {
  const asked: string[] = [];
  const reply = (command: Command) => {
    asked.push(String(command[0]) === "EVAL" ? "EVAL" : command.join(" "));
    return answer(command);
  };
  const one = async (...command: [string, ...(string | number | Buffer)[]]): Promise<Reply> => {
    const given = reply(command);
    if (given instanceof RedisReplyError) throw given;
    return given;
  };
  const many = async (commands: readonly Command[]) => commands.map(reply);
  const client: NodeClient = {
    node: "n",
    passwordIndex: 0,
    call: one,
    callBinary: one,
    pipeline: many,
    pipelineBinary: many,
    close: () => undefined,
  };
  return { client, asked };
}

const noScripts = new RedisReplyError("ERR unknown command `EVAL`", "n", "EVAL");

describe("a server without scripts", () => {
  it("is asked once, then told slot by slot", async () => {
    const { client, asked } = node(([name]) => (name === "EVAL" ? noScripts : "OK"));
    expect(await setSlots(client, [1, 2], "IMPORTING", "x")).toBeUndefined();
    expect(await setSlots(client, [3], "NODE", "x")).toBeUndefined();
    expect(asked).toEqual([
      "EVAL",
      "CLUSTER SETSLOT 1 IMPORTING x",
      "CLUSTER SETSLOT 2 IMPORTING x",
      "CLUSTER SETSLOT 3 NODE x",
    ]);
  });

  it("names the slot that was refused", async () => {
    const refused = new RedisReplyError("ERR I'm not the owner of hash slot 2", "n", "CLUSTER");
    const { client } = node(([name, , slot]) => (name === "EVAL" ? noScripts : slot === 2 ? refused : "OK"));
    expect(await setSlots(client, [1, 2, 3], "MIGRATING", "x")).toEqual({ slot: 2, text: refused.message });
  });

  it("counts, and leaves sizes to be asked key by key", async () => {
    const { client } = node(([name]) => (name === "EVAL" ? noScripts : 4));
    expect(await countAll(client, [1, 2])).toEqual([4, 4]);
    expect(await sizesOf(client, [[Buffer.from("a")]], 100)).toEqual([undefined]);
  });
});

describe("a server with scripts", () => {
  it("names the slot that was refused", async () => {
    const { client } = node(() => ["2", "ERR no"]);
    expect(await setSlots(client, [1, 2], "NODE", "x")).toEqual({ slot: 2, text: "ERR no" });
  });

  it("tells the large keys, the others get what is left in equal parts", async () => {
    const { client } = node(() => [1060, 2, 1000]);
    const keys = ["a", "b", "c"].map((key) => Buffer.from(key));
    expect(await sizesOf(client, [keys], 100)).toEqual([[30, 1000, 30]]);
  });

  it("is not given up for a key that has just left an open slot", async () => {
    const ask = new RedisReplyError("ASK 7 10.0.0.2:7000", "n", "EVAL");
    let answers: Reply | RedisReplyError = ask;
    const { client, asked } = node(() => answers);
    expect(await sizesOf(client, [[Buffer.from("a")]], 100)).toEqual([undefined]);
    answers = [5];
    expect(await sizesOf(client, [[Buffer.from("a")]], 100)).toEqual([[5]]);
    expect(asked).toEqual(["EVAL", "EVAL"]);
  });

  it("is not asked about nothing", async () => {
    const { client, asked } = node(() => []);
    expect(await setSlots(client, [], "NODE", "x")).toBeUndefined();
    expect(await countAll(client, [])).toEqual([]);
    expect(asked).toEqual([]);
  });
});
