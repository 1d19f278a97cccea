import type { ChildProcess } from "node:child_process";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Longer than signals of one cause take to arrive, far shorter than a person's second Ctrl-C. */
const TOGETHER_MS = 300;

/**
 * Passes signals on to `child` exactly once; returns what ends that.
 *
 * Ctrl-C reaches every process of the terminal's group, the child too; npm (and the first half of run.cjs) pass it to us
 * once more. `kill` of npm alone reaches us once and the child never. A second SIGINT makes Pulumi drop everything at
 * once, so: one signal is passed on, two of a kind together mean that the child has it already.
 */
export function passSignals(child: ChildProcess): () => void {
  const counts = new Map<NodeJS.Signals, number>();
  const onSignal = (signal: NodeJS.Signals) => {
    const count = (counts.get(signal) ?? 0) + 1;
    counts.set(signal, count);
    if (count > 1) return;
    setTimeout(() => {
      if (counts.get(signal) === 1) child.kill(signal);
      counts.delete(signal);
    }, TOGETHER_MS);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** Resolves to a child's exit code as shells say it: 128 and the signal's number when it was ended by one. */
export function exitCodeOf(child: ChildProcess): Promise<number> {
  const end = passSignals(child);
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      end();
      resolve(code ?? 128 + (signal === null ? 0 : (numbers[signal] ?? 6)));
    });
  });
}
