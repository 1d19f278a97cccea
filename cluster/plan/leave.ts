/** Nodes that the declaration no longer has: drained before (balance.ts), then removed. */
import type { Survey } from "../survey";
import type { Step } from "./types";

/** Those that still run. A node that is stopped and owns nothing has left already. */
export function leaveSteps(s: Survey): Step[] {
  const on = s.spec.nodes.map((node) => node.name);
  return s.spec.leaving.flatMap((spec): Step[] => {
    const node = s.up.get(spec.name);
    if (!node) return [];
    return [
      { kind: "removeNode", node: spec.name, id: node.id, on, reason: `${spec.name} is no longer declared` },
    ];
  });
}
