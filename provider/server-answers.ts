/** The wait for a server that its cloud has just started: there, "running" comes a minute before anybody can log in. */
import { type Clock, systemClock } from "../cluster/clock";
import { WaitError } from "../cluster/errors";
import { waitUntil } from "../cluster/wait";
import { UserError } from "../hosts/errors";
import type { Host, HostNode } from "../hosts/host";

/** A boot takes a minute or two, of the largest types several; a file system is checked before. In ms. */
const ANSWER_MS = 15 * 60_000;
/** While it boots, sshd turns users away (pam_nologin) and breaks connections; longer, it is a wrong key or user. In ms. */
const REFUSED_MS = 120_000;

export interface AnswerOptions {
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Gets what is seen meanwhile. */
  readonly report?: (line: string) => void;
}

/**
 * Resolves when it is known whether the node's process runs: so the server answers, and nothing is planned around it as one
 * that cannot be reached.
 * @throws UserError with what was seen last; the way's own error where it keeps refusing.
 */
export async function waitForAnswer(
  node: HostNode,
  host: Pick<Host, "inspect">,
  { clock = systemClock, signal, report }: AnswerOptions = {},
): Promise<void> {
  let refusedAt: number | undefined;
  const look = async (): Promise<true | string> => {
    try {
      const { process, detail = "no answer" } = await host.inspect(node);
      if (process !== "unknown") return true;
      refusedAt = undefined;
      report?.(`waiting for the server of ${node.name}: ${detail}`);
      return detail;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refusedAt ??= clock.now();
      if (clock.now() - refusedAt >= REFUSED_MS) throw error;
      return error.message;
    }
  };
  const what = `the server of ${node.name} to answer`;
  const pace = { timeoutMs: ANSWER_MS, intervalMs: 500, maxIntervalMs: 5_000 };
  try {
    await waitUntil(look, { clock, signal, what, ...pace });
  } catch (error) {
    if (!(error instanceof WaitError)) throw error;
    throw new UserError(
      `the server of ${node.name} (${node.host}) does not answer, ${Math.round(error.waitedMs / 60_000)} min after its turn: ${error.lastSeen}\n` +
        "No other server is touched meanwhile. See its status checks and its console (in AWS: aws ec2 get-console-output), " +
        "then run `pulumi up` again: it goes on with this node.",
    );
  }
}
