/** Settings that a move changes for its own time. */
import type { Run } from "./run";

/** Gives a node its value back. One that cannot be told is named: the next run finds it differing from what is declared. */
export async function setBack(
  run: Run,
  node: string,
  directive: string,
  value: string,
  unit = "",
): Promise<void> {
  try {
    const client = await run.client(node);
    await client.call("CONFIG", "SET", directive, value);
  } catch (error) {
    run.warn(`${node}: ${directive} was not set back to ${value}${unit}: ${String(error)}`);
  }
}
