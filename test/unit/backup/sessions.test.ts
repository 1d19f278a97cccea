/** Connections of a run: once closed they are never opened again, because the lock ends with them. */
import { describe, expect, it } from "vitest";
import { type NodeClient, UnreachableError } from "../../../cluster/client";
import { Sessions } from "../../../cluster/sessions";
import type { NodeSpec } from "../../../cluster/spec";

const node = { name: "shard-1-a", host: "10.0.0.1", port: 7000 } as NodeSpec;

function sessionsOver(opened: { closed: boolean }[], ready: Promise<void> = Promise.resolve()): Sessions {
  const connect = async (): Promise<NodeClient> => {
    await ready;
    const state = { closed: false };
    opened.push(state);
    const close = () => {
      state.closed = true;
    };
    return { node: node.name, close } as unknown as NodeClient;
  };
  return new Sessions({ password: "p", previousPasswords: [] }, () => ({ connect }), "lock");
}

describe("closed sessions", () => {
  it("refuse everything and open nothing", async () => {
    const opened: { closed: boolean }[] = [];
    const sessions = sessionsOver(opened);
    await sessions.client(node);
    sessions.close();
    await expect(sessions.client(node)).rejects.toThrow("shard-1-a: this run has ended");
    await expect(sessions.separate(node)).rejects.toThrow("this run has ended");
    await expect(sessions.withClient(node, async () => 1)).rejects.toThrow(UnreachableError);
    expect(opened).toEqual([{ closed: true }]);
  });

  it("do not try again on a new connection what was under way", async () => {
    const opened: { closed: boolean }[] = [];
    const sessions = sessionsOver(opened);
    await sessions.client(node);
    let tries = 0;
    const lost = sessions.withClient(node, async () => {
      tries++;
      sessions.close();
      throw new UnreachableError(node.name, "closed", "connection lost");
    });
    await expect(lost).rejects.toThrow("this run has ended");
    expect(tries).toBe(1);
    expect(opened).toEqual([{ closed: true }]);
  });

  it("close a connection that was being opened", async () => {
    const opened: { closed: boolean }[] = [];
    let release = () => {};
    const sessions = sessionsOver(opened, new Promise((resolve) => (release = resolve)));
    const opening = sessions.client(node);
    sessions.close();
    release();
    await expect(opening).rejects.toThrow("this run has ended");
    expect(opened).toEqual([{ closed: true }]);
  });
});
