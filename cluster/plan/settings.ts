/** Live values against declared ones. */
import type { NodeSpec } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import { changesVersion } from "./rolling";
import type { Step } from "./types";

/** hz while a planned failover runs on Redis before 6.2, see steps/quicken.ts. */
export const QUICK_HZ = "19";

/** Redis's own, for nodes whose declaration says nothing about hz. */
const DEFAULT_HZ = "10";

/** What the declaration means for the live settings of a node. */
function wanted(s: Survey, spec: NodeSpec, node: NodeUp): Record<string, string> {
  const leftQuick = spec.directives.hz === undefined && node.settings.hz === QUICK_HZ;
  return {
    ...spec.directives,
    "cluster-node-timeout": String(s.spec.nodeTimeoutMs),
    ...(leftQuick ? { hz: DEFAULT_HZ } : {}),
  };
}

/** CONFIG SET for what can change live, one step a directive and value; files are brought in line with it. */
export function settingSteps(s: Survey): Step[] {
  const live = new Map<string, { directive: string; value: string; nodes: string[]; was: Set<string> }>();
  for (const spec of s.spec.nodes) {
    const node = s.up.get(spec.name);
    if (!node) continue;
    const restarts = changesVersion(s.spec, { ...node, installedVersion: node.host.installedVersion });
    for (const [directive, value] of Object.entries(wanted(s, spec, node))) {
      const now = node.settings[directive];
      if (now === undefined || now === value || !isLive(s, directive)) continue;
      if (restarts && directive !== LOADED_FROM) continue;
      const key = `${directive}\n${value}`;
      const entry = live.get(key) ?? { directive, value, nodes: [], was: new Set<string>() };
      entry.nodes.push(spec.name);
      entry.was.add(now);
      live.set(key, entry);
    }
  }
  return [...live.values()].map(({ directive, value, nodes, was }) => ({
    kind: "setLive",
    nodes,
    directive,
    value,
    reason: `${directive} is ${[...was].sort().join(" or ")}, declared is ${value}; changed live, without a restart`,
  }));
}

/** hz can be set live in every version, declared or not. */
function isLive(s: Survey, directive: string): boolean {
  return directive === "hz" || s.spec.liveDirectives.includes(directive);
}

/**
 * Nodes about to restart with another version get the rest from their file; the running one may not know the values. But
 * which file they load their data from is decided before: with appendonly in the file alone they would start empty.
 */
const LOADED_FROM = "appendonly";

/** Running nodes whose redis.conf on disk is not the declared one. */
export function fileSteps(s: Survey): Step[] {
  const stale = s.spec.nodes
    .filter((spec) => {
      const facts = s.up.get(spec.name)?.host;
      return facts && spec.configSha256 !== undefined && facts.configSha256 !== spec.configSha256;
    })
    .map((spec) => spec.name);
  if (stale.length === 0) return [];
  return [{ kind: "writeFiles", nodes: stale, reason: "redis.conf on disk differs from the declared one" }];
}
