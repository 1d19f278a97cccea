/** Takes one line about the set-up, without its newline. */
export type Report = (line: string) => void;

/** The usual report: a line on stderr, because stdout belongs to the command that is run. */
export function reportToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A progress line that changes in place on a terminal, and is said again every 20 s where there is none. */
export interface Progress {
  /** Sets what follows the label, for example "12 of 57 MB". */
  update(detail: string): void;
  /** Takes the line away. Always call it. */
  end(): void;
}

const TERMINAL_EVERY_MS = 200;
const QUIET_EVERY_MS = 20_000;

/** Starts a progress line: `label`, then the detail or, while there is none, the seconds gone by. */
export function startProgress(
  label: string,
  report: Report,
  terminal: NodeJS.WriteStream = process.stderr,
): Progress {
  const startedAt = Date.now();
  let detail = "";
  const text = () =>
    `${label}: ${detail === "" ? "" : `${detail}, `}${Math.round((Date.now() - startedAt) / 1000)} s`;
  const show = terminal.isTTY ? () => terminal.write(`\r\x1b[K${text()}`) : () => report(text());
  const timer = setInterval(show, terminal.isTTY ? TERMINAL_EVERY_MS : QUIET_EVERY_MS);
  timer.unref();
  return {
    update(next) {
      detail = next;
    },
    end() {
      clearInterval(timer);
      if (terminal.isTTY) terminal.write("\r\x1b[K");
    },
  };
}
