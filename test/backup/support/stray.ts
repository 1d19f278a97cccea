/** Keys beside their slots, as a move leaves them that was forgotten: on a primary that does not own the slot, without any flag. */
import calculateSlot from "cluster-key-slot";
import type { Reply } from "../../../cluster/client";
import { type Target, withPrimaries } from "./dataset";

/** Runs `use` while one primary holds `count` keys of another one's slot; then they are gone again. */
export async function withStrays(target: Target, count: number, use: () => Promise<void>): Promise<void> {
  const keys = Array.from({ length: count }, (_, at) => `{stray}${at}`);
  const slot = calculateSlot("{stray}");
  const commands = async (each: (key: string) => [string, ...string[]]) => {
    await withPrimaries(target, async (primaries) => {
      const owner = primaries.find(({ slots }) => slots.has(slot));
      const other = primaries.find(({ slots }) => !slots.has(slot));
      if (!owner || !other) throw new Error("two primaries are needed");
      await other.client.call(
        "CLUSTER",
        "SETSLOT",
        slot,
        "IMPORTING",
        String(await owner.client.call("CLUSTER", "MYID")),
      );
      const replies: (Reply | Error)[] = await other.client.pipeline(
        keys.flatMap((key) => [["ASKING"] as const, each(key)]),
      );
      const failed = replies.find((reply) => reply instanceof Error);
      if (failed) throw failed;
      await other.client.call("CLUSTER", "SETSLOT", slot, "STABLE");
    });
  };
  await commands((key) => ["SET", key, "left behind"]);
  try {
    await use();
  } finally {
    await commands((key) => ["DEL", key]);
  }
}
