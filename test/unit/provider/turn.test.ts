/** What stands before a server that is replaced: what it refuses without asking a cluster. */
import { describe, expect, it } from "vitest";
import { EngineLog } from "../../../provider/engine-log";
import { UnchangedError } from "../../../provider/operations";
import { handoverOperations, rejoinOperations } from "../../../provider/turn";
import { UNKNOWN } from "../../../provider/wire";

const context = { log: new EngineLog(undefined), signal: new AbortController().signal, shown: new Map() };
const subject = { urn: "urn:pulumi:prod::p::redis-cluster-kit:index:Handover::redis-shard-1-a", name: "x" };

describe("a Handover that is made", () => {
  const create = async (inputs: object, preview = false) =>
    handoverOperations(context).create({
      ...subject,
      inputs: { node: "shard-1-a", turn: "", declaration: UNKNOWN, ...inputs },
      preview,
    });

  it("belongs to a server that is made after it", async () => {
    expect(await create({ exists: false })).toMatchObject({ id: "x", outputs: { node: "shard-1-a" } });
    expect(await create({})).toMatchObject({ id: "x" });
    expect((await create({ exists: false }, true)).id).toBe("");
  });

  it("refuses a server that is there: the state was lost, or the name is another stack's", async () => {
    for (const preview of [true, false]) {
      const asked = create({ exists: true, declaration: { name: "cache" } }, preview);
      await expect(asked).rejects.toThrow(UnchangedError);
      await expect(asked).rejects.toThrow(
        /shard-1-a of cluster cache is there[\s\S]*stack import[\s\S]*another name/,
      );
    }
    // The way in is not known in a preview, and the declaration with it.
    await expect(create({ exists: true }, true)).rejects.toThrow(/of a cluster of this name is there/);
  });
});

it("a Rejoin that is made says nothing of servers", async () => {
  const made = await rejoinOperations(context).create({
    ...subject,
    inputs: { node: "shard-1-a", rolling: false, declaration: UNKNOWN },
    preview: false,
  });
  expect(made.id).toBe("x");
});
