import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import {
  fileBackend,
  type PendingOperation,
  readStackLocks,
  readStackState,
  removeDeadLocks,
  type StackLock,
} from "../install/backend";
import { UserError } from "../install/errors";
import { endOrphans } from "../install/orphans";
import type { Report } from "../install/progress";
import { askPulumi, PROJECT, ROOT, refusal } from "./pulumi";

const WAIT_MS = 2 * 60_000;
const POLL_MS = 500;

/** Type tokens whose creation may be repeated: ours adopt what is there, and remote commands are written to be repeated. */
const REPEATABLE = /^(redis-cluster-kit:|command:|pulumi:)/;

function named(lock: StackLock): string {
  return `process ${lock.pid} of ${lock.user}@${lock.host}, since ${lock.since}`;
}

/**
 * What a killed run left in a stack of the file backend, and what a running one holds:
 * 1. a lock of an engine that died is removed (and what that engine had started is ended);
 * 2. a run that lives is waited for, two minutes at most; 3. operations that were under way are dropped, see below.
 */
export async function recoverStack(stack: string, env: NodeJS.ProcessEnv, report: Report): Promise<void> {
  const backend = fileBackend(env);
  if (backend === undefined) return;
  await waitForOthers(backend, stack, report);
  const pending = readStackState(backend, PROJECT, stack)?.pending ?? [];
  if (pending.length > 0) dropPending(stack, pending, env, report);
}

/** The same for a command of the user's own: where another run is at work nothing is touched, and Pulumi says so itself. */
export async function recoverIfIdle(stack: string, env: NodeJS.ProcessEnv, report: Report): Promise<void> {
  const backend = fileBackend(env);
  const isBusy = backend === undefined || readStackLocks(backend, PROJECT, stack).some((lock) => !lock.dead);
  if (!isBusy) await recoverStack(stack, env, report);
}

async function waitForOthers(backend: string, stack: string, report: Report): Promise<void> {
  const giveUpAt = Date.now() + WAIT_MS;
  let told = "";
  for (;;) {
    const locks = readStackLocks(backend, PROJECT, stack);
    const dead = locks.filter((lock) => lock.dead);
    for (const lock of dead)
      report(`The run of ${named(lock)} was killed: its lock is removed, this run goes on`);
    removeDeadLocks(dead);
    if (dead.length > 0) await endOrphans(ROOT, report);
    const [live] = locks.filter((lock) => !lock.dead);
    if (live === undefined) return;
    if (Date.now() > giveUpAt) throw stillHeld(stack, live);
    if (told !== live.file) report(`Stack ${stack} is being worked on by ${named(live)}: waiting for it`);
    told = live.file;
    await sleep(POLL_MS);
  }
}

function stillHeld(stack: string, lock: StackLock): UserError {
  return new UserError(
    `Stack ${stack} is still being worked on after ${WAIT_MS / 60_000} minutes, by ${named(lock)}`,
    "Wait for it to end and run again. If it does not run any more (it was on another machine): " +
      `npm run pulumi -- cancel --stack ${stack}`,
  );
}

const exportSchema = z.looseObject({
  deployment: z.looseObject({
    pending_operations: z
      .array(z.looseObject({ resource: z.looseObject({ type: z.string(), urn: z.string() }) }))
      .nullish(),
  }),
});

/**
 * Without this, Pulumi warns on every later `up` and asks at a terminal what became of the resource. Dropping the note is
 * right for resources whose create looks first and goes on from what is there. Others (a server of a cloud, which would be
 * made twice) keep it, and Pulumi's own question. `pulumi refresh` would clear it too, but would have to ask every provider.
 */
function dropPending(
  stack: string,
  pending: readonly PendingOperation[],
  env: NodeJS.ProcessEnv,
  report: Report,
): void {
  const repeatable = pending.filter(({ resourceType }) => REPEATABLE.test(resourceType));
  if (repeatable.length === 0) return;
  const exported = askPulumi(["stack", "export", "--stack", stack], env);
  if (exported.code !== 0) throw refusal(`The state of stack ${stack} cannot be read`, exported);
  const state = withoutPending(JSON.parse(exported.stdout));
  const imported = askPulumi(["stack", "import", "--stack", stack], env, JSON.stringify(state));
  if (imported.code !== 0) throw refusal(`The state of stack ${stack} cannot be repaired`, imported);
  const what = repeatable.map(({ type, urn }) => `${type} ${urn.split("::").pop()}`).join(", ");
  report(`The last run was interrupted while ${what}: it is looked at and finished now`);
}

/** An exported state without the notes about operations that may be repeated. */
export function withoutPending(exported: unknown): z.infer<typeof exportSchema> {
  const state = exportSchema.parse(exported);
  const { pending_operations: pending, ...deployment } = state.deployment;
  const kept = (pending ?? []).filter(({ resource }) => !REPEATABLE.test(resource.type));
  return {
    ...state,
    deployment: kept.length === 0 ? deployment : { ...deployment, pending_operations: kept },
  };
}
