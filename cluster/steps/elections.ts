/** What a run knows of past elections, so that no replica is asked to win one with the votes of the last. */
import { infoNumber, parseClientList, parseInfo } from "../parse";
import type { Sessions } from "../sessions";
import { waitUntil } from "../wait";
import { BOUNDS, call, type StepContext } from "./context";

/** Latest moment (clock, ms) at which a node can have won an election; kept as long as the run's sessions. */
const latest = new WeakMap<Sessions, Map<string, number>>();

function known(context: StepContext): Map<string, number> {
  const map = latest.get(context.sessions) ?? new Map<string, number>();
  latest.set(context.sessions, map);
  return map;
}

/** It has just won one. */
export function noteElected(name: string, context: StepContext): void {
  known(context).set(name, context.clock.now());
}

/** Its process has just started: it remembers no votes. */
export function noteStarted(name: string, context: StepContext): void {
  known(context).set(name, Number.NEGATIVE_INFINITY);
}

/**
 * A replica that won an election and was demoted again wins the next one with its old votes (redis #8752, open; seen on
 * 5.0.6, 6.2.14 and 7.0.15): it claims the slots under its old epoch, so that the others do not follow, takes writes for
 * some 60 ms and loses them, while the real primary keeps its clients waiting for 5 s. It forgets the votes after four
 * node timeouts, or when it restarts.
 *
 * What a run did not see itself is told by the replica's link: that began after its demotion. A process as old as that
 * link and without a replication id of its own was never a primary. In doubt this waits; clients do not notice.
 */
export async function waitElectable(replica: string, primary: string, context: StepContext): Promise<void> {
  const forgetsMs = 4 * context.spec.nodeTimeoutMs + 1000;
  const isOver = (atMs: number | undefined) => atMs !== undefined && context.clock.now() - atMs >= forgetsMs;
  await noteUnelected(primary, replica, context);
  await waitUntil(
    async () => {
      const link = await linkOf(replica, context);
      if (!link || isOver(known(context).get(replica))) return true;
      if (link.ageMs >= forgetsMs || link.neverPrimary) return true;
      const seen = `${replica} became a replica ${link.ageMs / 1000} s ago and may remember the votes of an election before`;
      context.detail(seen);
      return seen;
    },
    {
      ...context,
      timeoutMs: forgetsMs + BOUNDS.settleMs,
      intervalMs: 500,
      maxIntervalMs: 500,
      what: `${replica} to forget the votes of its last election`,
    },
  );
}

/** As long as the replica has been linked to it, the primary has not been elected: for when it is to take over again. */
async function noteUnelected(primary: string, replica: string, context: StepContext): Promise<void> {
  const link = await linkOf(replica, context);
  if (!link) return;
  const sinceMs = context.clock.now() - link.ageMs;
  known(context).set(primary, Math.max(sinceMs, known(context).get(primary) ?? sinceMs));
}

/** How long after its start a process may have taken to get its link up, in seconds. */
const STARTING_S = 10;

async function linkOf(replica: string, context: StepContext) {
  const info = parseInfo(String(await call(context, replica, "INFO")));
  const clients = parseClientList(String(await call(context, replica, "CLIENT", "LIST")));
  const ageS = clients.find((client) => client.flags.includes("M"))?.ageSeconds;
  if (ageS === undefined) return undefined;
  const sinceStart = infoNumber(info, "uptime_in_seconds") - ageS <= STARTING_S;
  return {
    ageMs: ageS * 1000,
    neverPrimary: sinceStart && /^0*$/.test(info.get("master_replid2") ?? ""),
  };
}
