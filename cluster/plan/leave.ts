/** Nodes that the declaration no longer has: drained before (balance.ts), then forgotten, emptied, stopped. */
import type { Survey } from "../survey";
import type { Step } from "./types";

/**
 * Per leaving node: stop it first and forget it after, on 5.0 to 7.0: a running node gossips itself back after the
 * 60 s ban of CLUSTER FORGET. Its slots are gone by then; the executor proves it (0 slots, 0 keys as a primary).
 */
export function leaveSteps(s: Survey): Step[] {
  const remaining = s.spec.nodes.map((node) => node.name);
  return s.spec.leaving.flatMap((spec): Step[] => {
    const node = s.up.get(spec.name);
    if (node) {
      return [
        { kind: "resetNode", node: spec.name, reason: `${spec.name} leaves the cluster` },
        {
          kind: "forget",
          id: node.id,
          node: spec.name,
          on: remaining,
          reason: `${spec.name} is no longer declared`,
        },
        { kind: "stopNode", node: spec.name, reason: `${spec.name} is no longer declared` },
      ];
    }
    return [];
  });
}
