import type { Refusal, Step } from "./plan/types";

/** None of the known passwords was accepted. Says so without showing any. */
export class PasswordRefusedError extends Error {
  constructor(
    readonly node: string,
    reply: string,
  ) {
    super(`${node}: every known password was refused (${reply})`);
    this.name = "PasswordRefusedError";
  }
}

/** The planner found a reason to change nothing. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(`${refusal.reason}\n${refusal.cure}`);
    this.name = "RefusedError";
  }
}

/** A bounded wait ran out. `lastSeen` is what was observed last. */
export class WaitError extends Error {
  constructor(
    readonly what: string,
    readonly waitedMs: number,
    readonly lastSeen: string,
  ) {
    super(`waited ${(waitedMs / 1000).toFixed(1)} s for ${what}; last seen: ${lastSeen}`);
    this.name = "WaitError";
  }
}

/** One step of a plan failed. The cluster keeps what was done; the next run continues from what it sees. */
export class StepError extends Error {
  constructor(
    readonly step: Step,
    description: string,
    override readonly cause: unknown,
  ) {
    const text = cause instanceof Error ? cause.message : String(cause);
    super(
      `step failed: ${description}\n${text}\nRun it again to continue: what is done is kept and observed anew.`,
    );
    this.name = "StepError";
  }
}

/** Another run holds the cluster. */
export class LockedError extends Error {
  constructor(
    readonly holder: string,
    readonly node: string,
  ) {
    super(
      `another run is changing this cluster: ${holder} (seen on ${node}). Wait until it ends; the lock ends with its process.`,
    );
    this.name = "LockedError";
  }
}

/** The run did not converge within its bound of rounds. */
export class NotConvergedError extends Error {
  constructor(rounds: number, left: string) {
    super(`not as declared after ${rounds} rounds of planning; still to do: ${left}`);
    this.name = "NotConvergedError";
  }
}
