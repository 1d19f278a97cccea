/**
 * A password change on running nodes. Links and connections that are up stay up through all of it; what the order
 * protects is those that break or begin meanwhile, and a run that dies in between.
 *
 * 1. allow (6.0 and later): the new password opens connections, beside the old ones;
 * 2. links: every node shows the new one to its primary (masterauth). Before 6.0 this must come first: with requirepass
 *    changed first, a link that breaks stays down until its replica's turn; this way round it comes back as soon as its
 *    primary's turn is over, and that is the shorter half: all primaries are changed at once;
 * 3. switch (5.0, which knows one password): requirepass on all nodes at once. For that moment new connections need the
 *    new password at some nodes and the old one at others; from then on only the new one opens any;
 * 4. files: a node that restarts from here on has the new password, and the others expect it by now;
 * 5. revoke (6.0 and later): the old ones no longer open connections, unless the declaration keeps them for a phase.
 */
import type { ClusterSpec } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import { fileSteps } from "./settings";
import type { RotationPhase, Step } from "./types";
import { hasAcl } from "./versions";

/** What is left of a rotation; nothing where all nodes accept and use what is declared, or no password is. */
export function rotationSteps(s: Survey): Step[] {
  const nodes = [...s.spec.nodes, ...s.spec.leaving].flatMap((node) => s.up.get(node.name) ?? []);
  const steps: Step[] = PHASES.flatMap(({ phase, due, reason }) => {
    const names = nodes.filter((node) => due(node, s.spec)).map((node) => node.name);
    return names.length === 0 ? [] : [{ kind: "rotatePassword", phase, nodes: names, reason }];
  });
  if (s.spec.password === "" || steps.length === 0 || mustWait(s, nodes)) return [];
  const revoke = steps.filter((step) => step.kind === "rotatePassword" && step.phase === "revoke");
  return [...steps.filter((step) => !revoke.includes(step)), ...fileSteps(s), ...revoke];
}

interface Phase {
  readonly phase: RotationPhase;
  readonly due: (node: NodeUp, spec: ClusterSpec) => boolean;
  readonly reason: string;
}

const PHASES: readonly Phase[] = [
  {
    phase: "allow",
    due: (node, spec) =>
      hasAcl(node.version) && wanted(spec).some((index) => !node.acceptedPasswords.includes(index)),
    reason: "every password that is to be valid opens connections before anybody uses it",
  },
  {
    phase: "links",
    due: (node) => node.linkPasswordIndex !== 0,
    reason: "links that are up stay up, and one that breaks comes back with the new password",
  },
  {
    phase: "switch",
    due: (node) => !hasAcl(node.version) && node.acceptedPasswords[0] !== 0,
    reason:
      "this Redis knows one password: connections that are up stay up, new ones need the new password from now on",
  },
  {
    phase: "revoke",
    due: (node, spec) => hasAcl(node.version) && !keeps(spec) && hasMore(node),
    reason: "no other password than the declared one opens connections any more",
  },
];

function keeps(spec: ClusterSpec): boolean {
  return spec.keepPreviousPasswords === true;
}

/** Indexes of the passwords that are to be valid. */
function wanted(spec: ClusterSpec): number[] {
  return keeps(spec) ? [0, ...spec.previousPasswords.map((_, index) => index + 1)] : [0];
}

function hasMore(node: NodeUp): boolean {
  return node.otherPasswords > 0 || node.acceptedPasswords.some((index) => index > 0);
}

/**
 * No rotation begins while slots are open: whoever moves them authenticates with the old password (MIGRATE). One that has
 * begun is finished all the same, because halves of it keep links down.
 */
function mustWait(s: Survey, nodes: readonly NodeUp[]): boolean {
  const open = nodes.some((node) => node.migrating.length + node.importing.length > 0);
  const begun = nodes.some((node) => node.acceptedPasswords.includes(0) || node.linkPasswordIndex === 0);
  return open && !begun && s.up.size > 0;
}

/** What the declaration asks for and a version cannot do. */
export function rotationWarnings(s: Survey): string[] {
  if (!keeps(s.spec) || s.spec.previousPasswords.length === 0) return [];
  const without = [...s.up.values()].filter((node) => !hasAcl(node.version)).map((node) => node.name);
  if (without.length === 0) return [];
  return [
    `${without.join(", ")}: Redis before 6.0 knows one password, so the previous one is not kept; clients that reconnect need the new one at once`,
  ];
}
