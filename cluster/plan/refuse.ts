/** When nothing may be done. Every refusal says why and what to do. */
import { formatRanges, toRanges } from "../slots";
import { addressOf } from "../spec";
import type { Survey } from "../survey";
import type { NodeDown } from "../view";
import type { Finding, Refusal } from "./types";

type Reason = Pick<Refusal, "reason" | "cure">;

/** The first reason to touch nothing, or `undefined`. Order: what is most surely somebody else's first. */
export function refusal(s: Survey, findings: readonly Finding[]): Refusal | undefined {
  const reason =
    heldByOther(s) ??
    passwordRefused(s) ??
    strangers(s) ??
    splitCluster(s) ??
    rivalSlots(s) ??
    unreachable(s);
  return reason && { kind: "refusal", findings, ...reason };
}

function downBecause(s: Survey, ...why: NodeDown["why"][]): NodeDown[] {
  return [...s.down.values()].filter((node) => why.includes(node.why));
}

function heldByOther(s: Survey): Reason | undefined {
  const foreign = downBecause(s, "foreign");
  if (foreign.length === 0) return undefined;
  return {
    reason: `something else answers at the address of ${foreign.map((n) => `${n.name} (${where(s, n.name)}): ${n.detail}`).join("; ")}`,
    cure: "Stop that program, or give the cluster other ports or addresses.",
  };
}

function where(s: Survey, name: string): string {
  const spec = s.specOf.get(name);
  return spec ? addressOf(spec) : name;
}

function passwordRefused(s: Survey): Reason | undefined {
  const nodes = downBecause(s, "auth");
  if (nodes.length === 0) return undefined;
  return {
    reason: `the declared password is refused by ${nodes.map((n) => `${n.name} (${where(s, n.name)})`).join(", ")}`,
    cure:
      "If these are your nodes, declare the password they have; to change it, the run needs the old one too " +
      "(it is kept in the stack's state). If they are somebody else's, use other addresses.",
  };
}

function strangers(s: Survey): Reason | undefined {
  if (s.strangers.length === 0) return undefined;
  const who = s.strangers.map((peer) => `${peer.id.slice(0, 8)} at ${addressOf(peer)}`).join(", ");
  return {
    reason: `the nodes are in a cluster with members that are not declared: ${who}`,
    cure:
      "Declare those members, or remove them from the cluster by hand (drain their slots, then CLUSTER FORGET on " +
      "every node), or use other addresses. A cluster that others belong to is not changed.",
  };
}

/** Two groups that hold keys and do not know each other are two clusters; merging them would lose one's slots. */
function splitCluster(s: Survey): Reason | undefined {
  const withData = s.components.filter((names) =>
    names.some((name) => {
      const node = s.up.get(name);
      return node !== undefined && node.role === "primary" && node.keys > 0;
    }),
  );
  if (withData.length < 2 && !looseKeys(s)) return undefined;
  const groups = withData.map((names) => `[${names.join(", ")}]`).join(" and ");
  return {
    reason:
      withData.length < 2
        ? `nodes hold keys without being in a cluster: ${looseKeys(s)}`
        : `keys are held by groups of nodes that do not know each other: ${groups}`,
    cure:
      "These are separate data sets and are not merged. Back up and empty the ones that are not wanted, or use other " +
      "addresses or data directories.",
  };
}

/** A node with keys and without slots, outside of any cluster: somebody's data. */
function looseKeys(s: Survey): string | undefined {
  const main = s.components[0] ?? [];
  const loose = [...s.up.values()].filter(
    (node) =>
      node.role === "primary" && node.keys > 0 && node.slots.length === 0 && ownsNothing(s, main, node.name),
  );
  if (loose.length === 0) return undefined;
  return loose.map((node) => `${node.name} (${where(s, node.name)}, ${node.keys} keys)`).join(", ");
}

function ownsNothing(s: Survey, main: readonly string[], name: string): boolean {
  const inCluster = main.includes(name) && main.some((other) => (s.up.get(other)?.slots.length ?? 0) > 0);
  return !inCluster;
}

/**
 * Slots claimed inside the group that holds keys and outside of it, too. Introduced to each other, the claim with the
 * higher epoch wins and the node that loses its slots deletes the keys in them, however empty the winner is.
 */
function rivalSlots(s: Survey): Reason | undefined {
  const owners = s.components.find((names) => names.some((name) => (s.up.get(name)?.keys ?? 0) > 0));
  if (!owners) return undefined;
  const inside = new Set(owners);
  const rivals = new Map<string, number>();
  for (const names of s.contested.map((slot) => s.claims[slot] ?? [])) {
    if (!names.some((name) => inside.has(name))) continue;
    for (const name of names) if (!inside.has(name)) rivals.set(name, (rivals.get(name) ?? 0) + 1);
  }
  if (rivals.size === 0) return undefined;
  const who = [...rivals].map(([name, count]) => `${name} (${where(s, name)}) claims ${count} slots`);
  return {
    reason: `${who.join(", ")} that nodes with keys own, without being in a cluster with them`,
    cure:
      "If these nodes are free to be used, run CLUSTER RESET HARD on them; if they are somebody else's, use other " +
      "addresses. Introduced as they are, they could take the slots, and their owners would delete the keys.",
  };
}

/** Intent never comes from silence: a node that cannot be asked is down, and nothing is planned around it. */
function unreachable(s: Survey): Reason | undefined {
  const silent = [...s.down.values()].filter((node) => node.process !== "stopped" && node.why !== "loading");
  if (silent.length === 0) return undefined;
  const slots = toRanges(s.unclaimed);
  return {
    reason: `cannot reach ${silent.map((n) => `${n.name} (${where(s, n.name)}): ${n.detail}`).join("; ")}${
      slots.length > 0 ? `; slots ${formatRanges(slots)} are claimed by no node that answers` : ""
    }`,
    cure: "Bring the node or the network back, or take it out of the declaration. Unreachable nodes are not replaced by guess.",
  };
}
