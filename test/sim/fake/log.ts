/** Everything that was asked, with its virtual time: what one reads when a seed fails. */
import { type Scheduler, START_MS } from "./scheduler";
import { Failure, Status, type Value } from "./value";

export interface LogEntry {
  readonly timeMs: number;
  readonly node: string;
  readonly argv: readonly string[];
  outcome: Value | Failure | string;
}

const LOOKS =
  /^(AUTH|PING|INFO|ACL|CLIENT (LIST|SETNAME|ID)|CONFIG GET|CLUSTER (NODES|INFO|MYID|COUNTKEYSINSLOT|GETKEYSINSLOT))/;

/** Bound on what is kept; the end of a run tells more than its beginning. */
const KEEP = 20_000;

export class CommandLog {
  private entries: LogEntry[] = [];

  constructor(private readonly scheduler: Scheduler) {}

  add(node: string, argv: readonly string[]): LogEntry {
    const entry = { timeMs: this.scheduler.now() - START_MS, node, argv, outcome: "" };
    this.entries.push(entry);
    if (this.entries.length > 2 * KEEP) this.entries = this.entries.slice(-KEEP);
    return entry;
  }

  /** The last lines, for an error text; looks at the cluster left out, unless they failed. */
  tail(lines = 40): string {
    const shown = (entry: LogEntry) =>
      !LOOKS.test(entry.argv.slice(0, 2).join(" ")) ||
      entry.outcome === "" ||
      entry.outcome instanceof Failure;
    return this.entries
      .filter(shown)
      .slice(-lines)
      .map(({ timeMs, node, argv, outcome }) => {
        const time = timeMs.toFixed(1).padStart(10);
        return `${time} ${node} ${showCommand(argv)} -> ${brief(outcome)}`;
      })
      .join("\n");
  }

  all(): readonly LogEntry[] {
    return this.entries;
  }
}

function brief(outcome: Value | Failure): string {
  if (outcome instanceof Failure) return outcome.message;
  const text = outcome instanceof Status ? outcome.text : JSON.stringify(outcome);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** A command as text, secrets left out, long ones cut. */
export function showCommand(argv: readonly string[]): string {
  const [name = "", ...args] = argv;
  if (/^auth$/i.test(name)) return "AUTH ***";
  const shown = args.length > 8 ? [...args.slice(0, 8), `… ${args.length - 8} more`] : args;
  return [name, ...shown].join(" ").replace(/[^\x20-\x7e…]/g, ".");
}
