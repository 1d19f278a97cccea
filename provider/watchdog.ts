/** Ends this process soon after the Pulumi engine that started it has gone, so that no cluster is changed behind its back. */

/** How often the parent is looked at, in ms: a getppid(2), so this costs nothing. */
const LOOK_EVERY_MS = 250;
/** What a run in flight gets after its abort, in ms, to come back from the command it is in. */
const GRACE_MS = 1_000;

export interface WatchdogOptions {
  /** Aborts the run in flight, if any. */
  readonly abort: (reason: Error) => void;
  /** Whether an operation is in flight. Nothing to wait for otherwise. */
  readonly isBusy: () => boolean;
  readonly exit?: (code: number) => void;
  /** Process id of the parent now. */
  readonly parent?: () => number;
}

/**
 * A killed engine cannot tell its plugins; the kernel hands them to another parent instead. That is looked for. The
 * engine ends an idle plugin with SIGINT and waits for it, so that must be answered at once.
 * Returns a function that stops watching.
 */
export function watchParent(options: WatchdogOptions): () => void {
  const parent = options.parent ?? (() => process.ppid);
  const exit = options.exit ?? ((code: number) => process.exit(code));
  const born = parent();
  const end = (reason: string, code: number) => {
    stop();
    if (!options.isBusy()) return exit(code);
    options.abort(new Error(reason));
    setTimeout(() => exit(code), GRACE_MS);
  };
  const interrupted = () => end("interrupted; running `up` again continues", 0);
  const timer = setInterval(() => {
    if (parent() !== born) end("the Pulumi engine has ended; running `up` again continues", 1);
  }, LOOK_EVERY_MS);
  timer.unref();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupted);
  const stop = () => {
    clearInterval(timer);
    for (const signal of signals) process.off(signal, interrupted);
  };
  return stop;
}
