/** The planner: a spec and a view in, ordered steps with reasons or a refusal out. Pure and deterministic. */
import { diagnose } from "../diagnose";
import { toRanges } from "../slots";
import type { ClusterSpec } from "../spec";
import { type Survey, survey } from "../survey";
import type { View } from "../view";
import { balanceSteps } from "./balance";
import { creationSteps, isCreation } from "./create";
import { tooLittleMemory } from "./estimate";
import { failbackSteps } from "./failback";
import { leaveSteps } from "./leave";
import { lossRefusal, recoverySteps } from "./lost";
import { attachReplicas, forgetGhosts, handovers, meetNewcomers } from "./members";
import { rotationSteps, rotationWarnings } from "./password";
import { refusal } from "./refuse";
import { reviveSteps, stuck } from "./revive";
import { rollingChange } from "./rolling";
import { fileSteps, settingSteps } from "./settings";
import { shardStates } from "./shards";
import type { Plan, Refusal, Step } from "./types";
import { versionRefusal } from "./versions";

/**
 * What to do so that the live cluster becomes the declared one.
 * A converged cluster gets a plan without steps. The same input always gives the same plan.
 */
export function plan(spec: ClusterSpec, view: View): Plan | Refusal {
  const s = survey(spec, view);
  const findings = diagnose(s);
  const refused = refusal(s, findings) ?? versionRefusal(s, findings);
  if (refused) return refused;
  const { steps, continues, warnings = [], destructive = false, refused: late } = decide(s);
  if (late) return { kind: "refusal", findings, ...late };
  return {
    kind: "plan",
    findings,
    warnings,
    steps,
    ...(continues ? { continues } : {}),
    destructive: destructive || steps.some((step) => step.kind === "failover" && step.mode === "force"),
  };
}

interface Decision {
  readonly steps: readonly Step[];
  readonly continues?: string;
  readonly warnings?: readonly string[];
  /** Default: whether a failover is forced. */
  readonly destructive?: boolean;
  /** Found out only while planning: what would have to be done must not be. */
  readonly refused?: Pick<Refusal, "reason" | "cure">;
}

/** The first stage that has something to do decides; what follows from it is planned after it was done and observed. */
function decide(s: Survey): Decision {
  if (isCreation(s)) return afterRotation(s, { steps: creationSteps(s) });
  const revive = reviveSteps(s);
  if (revive.length > 0)
    return { steps: revive, continues: "once these nodes run, the rest is planned from what they show" };
  const loading = [...s.down.values()].filter((n) => n.process !== "stopped").map((node) => node.name);
  if (loading.length > 0)
    return {
      // The step waits for as long as loading may take. A leaving node loads, too: it copies before it is removed.
      steps: [{ kind: "startNodes", nodes: loading, reason: `still loading: ${loading.join(", ")}` }],
      continues: "the rest is planned once every node has loaded its data",
    };
  const refused = stuck(s) ?? lossRefusal(s);
  if (refused) return { steps: [], refused };
  return afterRotation(s, converge(s));
}

/**
 * A password change comes before everything that needs a link to come up: between nodes of which one has the new password
 * only and the other the old one none does. It changes neither members nor roles nor slots, so the rest stays right.
 */
function afterRotation(s: Survey, rest: Decision): Decision {
  const rotation = rotationSteps(s);
  if (rotation.length === 0) return rest;
  const written = rotation.some((step) => step.kind === "writeFiles");
  const steps = rest.steps.filter((step) => !(written && step.kind === "writeFiles"));
  return {
    ...rest,
    steps: [...rotation, ...(steps.length > 0 ? steps : [settleStep(s, "every replica's link must be up")])],
    warnings: [...rotationWarnings(s), ...(rest.warnings ?? [])],
  };
}

/** All declared nodes answer. Membership first, then roles, slots, what leaves, settings, restarts, preferred primaries. */
function converge(s: Survey): Decision {
  const meet = meetNewcomers(s);
  if (meet.length > 0)
    return { steps: meet, continues: "roles and slots are planned once all nodes know each other" };
  const shards = shardStates(s);
  const recovery = recoverySteps(s, shards);
  if (recovery) return { ...recovery, continues: "the rest is planned once every slot is served again" };
  const slots = repairSteps(s);
  if (slots.length > 0)
    return { steps: slots, continues: "the rest is planned once every slot has one owner" };
  const handover = handovers(s, shards);
  if (handover.length > 0) return { steps: handover, continues: "the rest is planned with the new roles" };
  const moves = balanceSteps(s, shards);
  const refused = tooLittleMemory(
    s,
    moves.flatMap((step) => (step.kind === "moveSlots" ? step.moves : [])),
  );
  if (refused) return { steps: [], refused };
  const roles = [...forgetGhosts(s), ...attachReplicas(shards)];
  const members = [...roles, ...readyToMove(s, roles, moves), ...moves, ...leaveSteps(s)];
  const settings = [...fileSteps(s), ...settingSteps(s)];
  const rolling = rollingChange(s, shards);
  const restarts = [...rolling.steps, ...failbackSteps(s, rolling.leaders)];
  // Who leads which shard, and so the order of restarts, is known once members and slots are where they belong.
  const now = members.length > 0 ? [...members, ...settings] : [...settings, ...restarts];
  const { warnings } = rolling;
  if (now.length === 0) return { steps: waiting(s), warnings };
  const later = members.length > 0 && restarts.length > 0;
  return {
    steps: [...now, settleStep(s, "all nodes must agree")],
    ...(later ? { continues: restartsLater(rolling.steps) } : {}),
    warnings,
  };
}

/** A server serves as a primary only 2 s after its start; keys that are sent before that are refused (CLUSTERDOWN). */
function readyToMove(s: Survey, roles: readonly Step[], moves: readonly Step[]): Step[] {
  if (moves.length === 0 || (roles.length === 0 && !s.unsettled)) return [];
  return [settleStep(s, "all nodes must serve before keys move")];
}

function restartsLater(steps: readonly Step[]): string {
  const nodes = steps.flatMap((step) => (step.kind === "restartNode" ? [step.node] : []));
  return nodes.length > 0
    ? `then a restart one by one of ${nodes.join(", ")}`
    : "then the preferred primaries take over";
}

/** Slots that are open, claimed twice or by nobody: no other change before each has one owner. */
function repairSteps(s: Survey): Step[] {
  const open = [...s.up.values()].flatMap((node) =>
    [...node.migrating, ...node.importing].map((o) => o.slot),
  );
  const broken = [...new Set([...open, ...s.unclaimed, ...s.contested])].sort((a, b) => a - b);
  if (broken.length === 0) return [];
  const what = [
    open.length > 0 ? `${new Set(open).size} left open` : "",
    s.unclaimed.length > 0 ? `${s.unclaimed.length} claimed by no node` : "",
    s.contested.length > 0 ? `${s.contested.length} claimed by two nodes` : "",
  ].filter((text) => text !== "");
  return [
    {
      kind: "repairSlots",
      slots: toRanges(broken),
      reason: `slots without exactly one owner: ${what.join(", ")}`,
    },
  ];
}

function settleStep(s: Survey, reason: string): Step {
  return { kind: "settle", nodes: s.spec.nodes.map((node) => node.name), reason };
}

/** Nothing to change, but not settled either: gossip or replication is on its way, or stuck. */
function waiting(s: Survey): Step[] {
  return s.unsettled ? [settleStep(s, `not settled: ${s.unsettled}`)] : [];
}
