/** What is not as it should be, for people: tables, `doctor`, refresh. Pure. */
import { crowding } from "./plan/failback";
import { shardStates } from "./plan/shards";
import type { Finding } from "./plan/types";
import { formatRanges, toRanges } from "./slots";
import { addressOf } from "./spec";
import type { Survey } from "./survey";

/** Findings in order of severity, then subject. Empty for a healthy cluster. */
export function diagnose(s: Survey): Finding[] {
  const findings = [
    ...downNodes(s),
    ...slotFindings(s),
    ...memberFindings(s),
    ...zoneFindings(s),
    ...majorityFindings(s),
  ];
  const open = s.down.size === 0 ? s.unsettled : undefined;
  if (open && findings.length === 0) findings.push(finding("warning", "unsettled", s.spec.name, open));
  return findings;
}

function finding(severity: Finding["severity"], code: string, subject: string, text: string): Finding {
  return { severity, code, subject, text };
}

function downNodes(s: Survey): Finding[] {
  return [...s.down.values()].map((node) => {
    const spec = s.specOf.get(node.name);
    const at = spec ? addressOf(spec) : "?";
    if (node.process === "stopped")
      return finding("critical", "node-down", node.name, `${node.name} (${at}) is not running`);
    return finding(
      "critical",
      `node-${node.why}`,
      node.name,
      `${node.name} (${at}) does not serve: ${node.detail}`,
    );
  });
}

function slotFindings(s: Survey): Finding[] {
  const findings: Finding[] = [];
  const subject = s.spec.name;
  if (s.up.size > 0 && s.unclaimed.length > 0)
    findings.push(
      finding(
        "critical",
        "slots-uncovered",
        subject,
        `no node serves slots ${formatRanges(toRanges(s.unclaimed))}`,
      ),
    );
  if (s.contested.length > 0)
    findings.push(
      finding(
        "critical",
        "slots-contested",
        subject,
        `two nodes claim slots ${formatRanges(toRanges(s.contested))}`,
      ),
    );
  for (const node of s.up.values()) {
    const open = [...node.migrating, ...node.importing].map((entry) => entry.slot);
    if (open.length > 0)
      findings.push(
        finding(
          "warning",
          "slots-open",
          node.name,
          `${node.name} has open slots ${formatRanges(toRanges(open))}`,
        ),
      );
  }
  return findings;
}

function memberFindings(s: Survey): Finding[] {
  const findings: Finding[] = [];
  for (const ghost of s.ghosts)
    findings.push(
      finding(
        "warning",
        "ghost",
        ghost.formerly ?? ghost.id.slice(0, 8),
        `id ${ghost.id.slice(0, 8)} is remembered and gone`,
      ),
    );
  for (const peer of s.strangers)
    findings.push(
      finding("critical", "stranger", addressOf(peer), `${addressOf(peer)} is a member and not declared`),
    );
  const groups = s.components.filter((names) => names.some((name) => !s.leaving.has(name)));
  if (groups.length > 1)
    findings.push(
      finding("critical", "split", s.spec.name, `${groups.length} groups of nodes do not know each other`),
    );
  for (const node of s.up.values()) {
    if (node.role === "replica" && !node.linkUp)
      findings.push(finding("warning", "link-down", node.name, `${node.name}'s link to its primary is down`));
    if (node.passwordIndex !== 0)
      findings.push(
        finding(
          "critical",
          "password",
          node.name,
          `${node.name} ${node.passwordIndex < 0 ? "has no password" : "still has an old password"}`,
        ),
      );
  }
  return findings;
}

/** A replica in its primary's zone goes down with it. Checked on the live cluster, not on the declaration alone. */
function zoneFindings(s: Survey): Finding[] {
  const zones = new Set(s.spec.nodes.map((node) => node.zone));
  if (zones.size <= 1) return [];
  return [...s.up.values()].flatMap((node) => {
    const primaryName = node.primaryId ? s.nameOfId.get(node.primaryId) : undefined;
    const zone = s.specOf.get(node.name)?.zone;
    if (!primaryName || zone !== s.specOf.get(primaryName)?.zone) return [];
    return [
      finding(
        "warning",
        "zone-shared",
        node.name,
        `${node.name} is in zone ${zone} with its primary ${primaryName}`,
      ),
    ];
  });
}

/**
 * A zone that holds so many primaries that the others would be no majority without it, and more than declared: failovers
 * brought them together. What the declaration itself cannot spread is said where it is made (topology.ts).
 */
function majorityFindings(s: Survey): Finding[] {
  const leaders = new Map(
    shardStates(s).flatMap(({ index, primary }) => (primary?.slots.length ? [[index, primary.name]] : [])),
  );
  const preferred = new Map(
    s.spec.nodes.filter((node) => node.member === 0).map((node) => [node.shard, node.name]),
  );
  const most = crowding(s.specOf, leaders);
  const shards = s.spec.shards.length;
  if (most <= crowding(s.specOf, preferred) || shards - most > shards / 2) return [];
  const zoneOf = (name: string) => s.specOf.get(name)?.zone ?? "";
  const names = [...leaders.values()].sort();
  const zones = [...new Set(names.map(zoneOf))];
  return zones.flatMap((zone) => {
    const inZone = names.filter((name) => zoneOf(name) === zone);
    if (inZone.length < most) return [];
    const what = `zone ${zone} holds ${inZone.length} of ${shards} primaries (${inZone.join(", ")})`;
    return [
      finding(
        "warning",
        "zone-majority",
        zone,
        `${what}: when it is lost, the others are no majority and no failover happens`,
      ),
    ];
  });
}
