/** Keys over all shards, written and counted by redis-cli, which knows nothing of the kit. */
import type { Stack } from "./stack";

const COUNT = 300;
const indexes = Array.from({ length: COUNT }, (_, index) => index);

/** Writes keys and waits until every primary's replica has them. Returns how many. */
export async function writeKeys(stack: Stack, port: number): Promise<number> {
  const replies = await stack.cli(
    port,
    indexes.map((key) => `set key:${key} value:${key}`),
  );
  const written = replies.filter((reply) => reply === "OK").length;
  if (written !== COUNT)
    throw new Error(`${written} of ${COUNT} keys written: ${replies.slice(0, 3).join("; ")}`);
  return written;
}

/** How many of the written keys answer with their value. */
export async function countKeys(stack: Stack, port: number): Promise<number> {
  const replies = await stack.cli(
    port,
    indexes.map((key) => `get key:${key}`),
  );
  const wanted = new Set(indexes.map((key) => `value:${key}`));
  return new Set(replies.map((reply) => reply.replaceAll('"', "")).filter((reply) => wanted.has(reply))).size;
}
