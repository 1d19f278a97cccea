/** One line for every operation of a stand-in, in the order in which they began and ended. */
import { appendFileSync } from "node:fs";

export interface Entry {
  /** ms since the epoch. */
  readonly at: number;
  readonly moment: "begin" | "end";
  readonly what: "create" | "update" | "delete";
  /** Last part of the type, e.g. "Instance". */
  readonly type: string;
  readonly name: string;
}

/** File that all stand-ins of a test append to. */
export const LOG_VARIABLE = "REDIS_CLUSTER_KIT_TEST_CALLS";

export async function logged<T>(what: Entry["what"], urn: string, work: () => Promise<T>): Promise<T> {
  const entry = {
    what,
    type: typeOf(urn).split(":").at(-1) ?? "",
    name: urn.split("::").slice(3).join("::"),
  };
  write({ at: Date.now(), moment: "begin", ...entry });
  const result = await work();
  write({ at: Date.now(), moment: "end", ...entry });
  return result;
}

/** urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function write(entry: Entry): void {
  const file = process.env[LOG_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
}
