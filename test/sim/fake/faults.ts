/** What goes wrong, and when: counted over the commands and host actions that change something. */
import type { Random } from "./random";

/** The engine was killed: nothing of it runs any more. */
export class EngineKilled extends Error {
  constructor(readonly at: string) {
    super(`engine killed ${at}`);
    this.name = "EngineKilled";
  }
}

export type MutationFault =
  /** The engine dies before the command leaves. */
  | "killBefore"
  /** The engine dies when the command has run; its reply goes nowhere. */
  | "killAfter"
  /** The command runs, and the connection breaks instead of answering. */
  | "dropReply"
  /** The connection breaks before the command arrives. */
  | "dropCommand";

export class Faults {
  /** Changing commands and host actions that engines have issued so far. */
  mutations = 0;
  /** The faults by number of the changing command, counted from 1. */
  readonly plan = new Map<number, MutationFault>();
  /** Nodes to which no new connection can be made. */
  readonly refusing = new Set<string>();
  /** Probability that a MIGRATE runs on the target and the source does not hear of it. */
  migrateReplyLoss = 0;
  /** Probability of losing the reply to any command of the engine. */
  replyLoss = 0;

  constructor(private readonly random: Random) {}

  /** Counts a change about to be issued. Returns its number and the fault planned for it. */
  next(): { readonly number: number; readonly fault: MutationFault | undefined } {
    this.mutations += 1;
    return { number: this.mutations, fault: this.plan.get(this.mutations) };
  }

  losesMigrateReply(): boolean {
    return this.migrateReplyLoss > 0 && this.random.chance(this.migrateReplyLoss);
  }

  losesReply(): boolean {
    return this.replyLoss > 0 && this.random.chance(this.replyLoss);
  }

  /** Whether packets that were under way when the engine died still arrive. */
  tailArrives(): boolean {
    return this.random.chance(0.5);
  }

  clear(): void {
    this.plan.clear();
    this.refusing.clear();
    this.migrateReplyLoss = 0;
    this.replyLoss = 0;
  }
}
