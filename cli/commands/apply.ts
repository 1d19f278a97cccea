/** `apply` and `heal`: the engine of `up` without Pulumi around it. */
import { apply, type Outcome } from "../../cluster/engine";
import { RefusedError } from "../../cluster/errors";
import { describePlan, describeStep } from "../../cluster/plan/describe";
import type { Plan } from "../../cluster/plan/types";
import type { ClusterSpec } from "../../cluster/spec";
import { type ClusterStatus, summarize } from "../../cluster/status";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { NotConfirmedError, UsageError } from "../errors";
import { healingSpec } from "../heal";
import { inspect, isOutOfReach } from "../inspect";
import { linesOf } from "../print/lines";
import { liveTasks } from "../print/live";
import { duration, plural } from "../print/units";
import type { World } from "../world";

export interface ChangeOptions {
  readonly yes?: boolean;
}

/** Brings the declaration about. */
export async function applyCommand(target: Target, options: ChangeOptions, world: World): Promise<Answer> {
  requireIntent(target, "apply");
  return change(target, target.spec, options, world);
}

/** Restores what is declared as far as it was there before: see heal.ts. */
export async function healCommand(target: Target, options: ChangeOptions, world: World): Promise<Answer> {
  requireIntent(target, "heal");
  const { view } = await inspect(target);
  const spec = healingSpec(target.spec, view);
  if (typeof spec === "string")
    throw new UsageError(`${spec}\n\`heal\` leaves that to \`${target.upCommand}\` or \`apply\`.`);
  return change(target, spec, options, world);
}

function requireIntent({ isIntent, origin }: Target, command: string): void {
  if (isIntent) return;
  throw new UsageError(
    `${origin} say what was declared once, not what is wanted now, so ${command} does not act on them.\n` +
      "Let it ask the Pulumi stack, or give it --declaration FILE.",
  );
}

async function change(
  target: Target,
  spec: ClusterSpec,
  { yes = false }: ChangeOptions,
  world: World,
): Promise<Answer> {
  const { view, decision } = await inspect({ ...target, spec });
  if (isOutOfReach(view))
    throw new UsageError(`none of the ${view.nodes.length} nodes can be reached from here`);
  if (decision.kind === "refusal") throw new RefusedError(decision);
  if (decision.steps.length > 0 && !world.isLive) for (const line of describePlan(decision)) world.say(line);
  const outcome = await withApproval(decision, yes, world, (check) => execute(target, spec, world, check));
  return answerOf(outcome, summarize(spec, outcome.view));
}

/** A plan of a later round that nobody has agreed to: the run ends before its first step and is started again. */
class Unapproved extends Error {
  constructor(readonly plan: Plan) {
    super("unapproved plan");
  }
}

/** Asks before every destructive plan, the first and those that come to light on the way. */
async function withApproval(
  first: Plan,
  yes: boolean,
  world: World,
  attempt: (check: (plan: Plan) => void) => Promise<Outcome>,
): Promise<Outcome> {
  const approved = new Set<string>();
  const approve = async (plan: Plan) => {
    if (plan.destructive && !yes) await ask(plan, world);
    approved.add(describePlan(plan).join("\n"));
  };
  await approve(first);
  for (;;) {
    try {
      return await attempt((plan) => {
        if (plan.destructive && !yes && !approved.has(describePlan(plan).join("\n")))
          throw new Unapproved(plan);
      });
    } catch (error) {
      if (!(error instanceof Unapproved)) throw error;
      await approve(error.plan);
    }
  }
}

async function ask(plan: Plan, world: World): Promise<void> {
  if (!world.confirm)
    throw new UsageError(
      "this plan can lose data or deletes some, and nobody can be asked here. If it is to be: --yes",
    );
  if (world.isLive) for (const line of describePlan(plan)) world.say(line);
  if (!(await world.confirm("This plan can lose data or deletes some. Carry it out?")))
    throw new NotConfirmedError("nothing was done");
}

async function execute(
  target: Target,
  spec: ClusterSpec,
  world: World,
  check: (plan: Plan) => void,
): Promise<Outcome> {
  const shown = world.isLive ? liveTasks() : linesOf(world.say);
  try {
    const outcome = await apply(spec, {
      hosts: target.hosts,
      signal: world.interruption(),
      progress: (event) => {
        if (event.kind === "plan") check(event.plan);
        shown.progress(event);
      },
    });
    await shown.end();
    return outcome;
  } catch (error) {
    await shown.end(error);
    throw error;
  }
}

function answerOf(outcome: Outcome, status: ClusterStatus): Answer {
  const { steps, elapsedMs, rounds } = outcome;
  const done =
    steps.length === 0
      ? "nothing to do: the cluster is as declared"
      : `${plural(steps.length, "step")} done in ${duration(elapsedMs)}; ${status.name} is ${status.healthy ? "healthy" : "not healthy"}`;
  return {
    exitCode: status.healthy ? 0 : 1,
    json: {
      healthy: status.healthy,
      rounds,
      elapsedMs: Math.round(elapsedMs),
      steps: steps.map((step) => ({ ...step, description: describeStep(step) })),
    },
    text: ({ paint }) => paint(status.healthy ? "good" : "bad", done),
  };
}
