import { describe, expect, test } from "vitest";
import type { View } from "../../../cluster/view";
import { type Declaration, NOTHING_INHERITED, specOf } from "../../../provider/declaration";
import {
  finishedOutputs,
  inherit,
  observedOutputs,
  previewOutputs,
  readDeclaration,
  readOutputs,
  unfinishedOutputs,
} from "../../../provider/state";
import {
  fromStruct,
  type PlainObject,
  secret,
  toStruct,
  UNKNOWN,
  unknownPaths,
} from "../../../provider/wire";
import { freshNode, idFor, stoppedNode, view } from "../../support/views";
import { declaration, PASSWORD } from "./declarations";

const three = declaration();
const four = declaration({ shards: 4 });
const NOTHING = readOutputs({});

/** Through the wire and back, as between two runs. */
const stored = (outputs: object): PlainObject => fromStruct(toStruct(outputs));
const asInputs = ({ password, files, ...rest }: Declaration): PlainObject =>
  stored({ ...rest, password: secret(password), files: secret(files) });

/** Every node answers, except those named. */
function viewOf(declared: Declaration, down: readonly string[] = []): View {
  const { nodes } = specOf(declared, NOTHING_INHERITED, declared.redisVersion);
  return view(
    ...nodes.map((node) => {
      if (down.includes(node.name)) return stoppedNode(node);
      return { ...freshNode(node), role: node.member === 0 ? ("primary" as const) : ("replica" as const) };
    }),
  );
}

describe("what a declaration inherits", () => {
  test("nothing, of nothing or of itself", () => {
    expect(inherit(three, undefined, NOTHING)).toEqual({ leaving: [], previousPasswords: [] });
    expect(inherit(three, three, NOTHING, three.nodes)).toEqual({ leaving: [], previousPasswords: [] });
  });

  test("the nodes that it no longer has, ordered by name", () => {
    const { leaving } = inherit(three, four, NOTHING);
    expect(leaving.map(({ name }) => name)).toEqual(["shard-4-a", "shard-4-b"]);
  });

  test("what a failed run left, even after the declaration went back and forth", () => {
    const failed = unfinishedOutputs(four, { leaving: [], previousPasswords: [] }, NOTHING, "step failed");
    const back = inherit(three, four, readOutputs(stored(failed)));
    const failedAgain = unfinishedOutputs(three, back, readOutputs(stored(failed)), "failed again");
    expect(inherit(three, three, readOutputs(stored(failedAgain))).leaving).toHaveLength(2);
    expect(inherit(four, three, readOutputs(stored(failedAgain))).leaving).toEqual([]);
  });

  test("the ways to servers that are still to be emptied, and every host key", () => {
    const server = { host: "10.0.0.14", port: 22, user: "admin" };
    const way = {
      hostKeys: { "10.0.0.14": "ssh-ed25519 AAAA" },
      formerServers: { "shard-4-a": server, "shard-1-a": server },
    };
    const { leaving } = inherit(three, four, NOTHING);
    const failed = unfinishedOutputs(three, { leaving, previousPasswords: [] }, NOTHING, "step failed", way);
    const kept = readOutputs(stored(failed));
    expect(kept.hostKeys).toEqual(way.hostKeys);
    expect(kept.formerServers).toEqual({ "shard-4-a": server });
    // Once they are gone nothing of them is kept but the keys.
    const done = finishedOutputs(
      three,
      { leaving: [], previousPasswords: [] },
      viewOf(three),
      "5.0.6",
      way.hostKeys,
    );
    expect(readOutputs(stored(done))).toMatchObject({ hostKeys: way.hostKeys, formerServers: {} });
    expect(readOutputs(stored(previewOutputs(three, kept))).hostKeys).toEqual(way.hostKeys);
  });

  test("nodes that only their folder on this machine still tells of", () => {
    expect(inherit(three, three, NOTHING, four.nodes).leaving).toHaveLength(2);
  });

  test("passwords that some node may still have, newest first, without the declared one", () => {
    const older = readOutputs(stored({ previousPasswords: secret(["older-password", PASSWORD]) }));
    const before = declaration({}, "newer-password");
    expect(inherit(three, before, older).previousPasswords).toEqual(["newer-password", "older-password"]);
  });
});

describe("outputs", () => {
  test("of a finished run: roles and ids as seen, no drift, nothing left to do", () => {
    const outputs = readOutputs(
      stored(finishedOutputs(three, { leaving: [], previousPasswords: [] }, viewOf(three), "5.0.6")),
    );
    expect(outputs.nodes.map(({ name, role, id }) => [name, role, id])[0]).toEqual([
      "shard-1-a",
      "primary",
      idFor("shard-1-a"),
    ]);
    expect(outputs).toMatchObject({ drift: [], leaving: [], previousPasswords: [], redisVersion: "5.0.6" });
  });

  test("of an observation: a node that is down keeps the role and id it had", () => {
    const before = readOutputs(
      stored(finishedOutputs(three, { leaving: [], previousPasswords: [] }, viewOf(three), "5.0.6")),
    );
    const down = viewOf(three, ["shard-1-a"]);
    const seen = readOutputs(stored(observedOutputs(three, down, before, ["shard-1-a is down"])));
    expect(seen.nodes).toEqual(before.nodes);
    expect(seen).toMatchObject({ drift: ["shard-1-a is down"], redisVersion: "5.0.6" });
  });

  test("of a preview: ids are unknown for new nodes only", () => {
    const before = readOutputs(
      stored(finishedOutputs(three, { leaving: [], previousPasswords: [] }, viewOf(three), "5.0.14")),
    );
    const preview = stored(previewOutputs(four, before));
    expect(unknownPaths(preview).toSorted()).toEqual([
      "nodes[6].id",
      "nodes[6].role",
      "nodes[7].id",
      "nodes[7].role",
    ]);
    expect(preview.endpoints).toHaveLength(8);
    expect(JSON.stringify(stored(previewOutputs(three, before)))).not.toContain(UNKNOWN);
  });

  test("never hold a password in the open", () => {
    const inherited = { leaving: [], previousPasswords: ["former-password"] };
    const outputs = stored(unfinishedOutputs(three, inherited, NOTHING, "failed"));
    const { previousPasswords, ...open } = outputs;
    expect(JSON.stringify(open)).not.toMatch(/password/);
    expect(previousPasswords).toEqual(fromStruct(toStruct(secret(["former-password"]))));
  });

  test("of another version of the kit are read as far as they go", () => {
    expect(readOutputs({ nodes: "?", drift: [1], leaving: [{ name: "x" }], unheard: true })).toEqual(NOTHING);
  });
});

describe("the declaration in a state", () => {
  test("is read back whole, secrets unwrapped", () => {
    expect(readDeclaration(asInputs(three))).toEqual(three);
  });

  test("is undefined where it cannot be read", () => {
    expect(readDeclaration({ name: "x" })).toBeUndefined();
  });
});
