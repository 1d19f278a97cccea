/** What the log of the stand-ins tells: servers' turns, and what came before what. */
import type { Entry } from "./plugins/call-log";

/** What happens to one server in its turn, in order. */
export function turnOf(node: string): string[] {
  const name = `redis-${node}`;
  return [
    `update Handover ${name}`,
    `delete VolumeAttachment ${name}-data`,
    `delete Instance ${name}`,
    `create Instance ${name}`,
    `create VolumeAttachment ${name}-data`,
    `update Rejoin ${name}`,
  ];
}

/** Beginnings in order; provisioning is in between and is checked by its own tests. */
export function turns(calls: readonly Entry[]): string[] {
  return calls
    .filter(({ moment, type }) => moment === "begin" && type !== "Command" && type !== "Topology")
    .map(({ what, type, name }) => `${what} ${type} ${name}`);
}

/** Operations on servers that began before the one before had ended. */
export function overlapping(calls: readonly Entry[]): string[] {
  const open = new Set<string>();
  const found: string[] = [];
  for (const { moment, what, type, name } of calls) {
    const key = `${what} ${type} ${name}`;
    if (moment === "end") open.delete(key);
    else {
      if (open.size > 0) found.push(`${key} while ${[...open].join(", ")}`);
      open.add(key);
    }
  }
  return found;
}

export function indexOf(
  calls: readonly Entry[],
  moment: Entry["moment"],
  what: Entry["what"],
  type: string,
  name: string,
): number {
  return calls.findIndex(
    (call) => call.moment === moment && call.what === what && call.type === type && call.name === name,
  );
}
