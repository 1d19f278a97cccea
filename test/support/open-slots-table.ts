/** The open-slot matrix for people. */
import Table from "cli-table3";
import { type Cell, EVENTS, type Event, PLACEMENTS, STATES } from "./open-slots";

export interface Verdict {
  readonly event: Event;
  readonly cell: Cell;
  /** Empty: closed, one owner, every value kept. */
  readonly problems: readonly string[];
}

export function describeMatrix(title: string, verdicts: readonly Verdict[]): string {
  const rows = new Table({ head: [title, ...PLACEMENTS], style: { head: [], border: [] } });
  for (const state of STATES)
    rows.push([
      state,
      ...PLACEMENTS.map((placement) =>
        EVENTS.map((event) => {
          const verdict = verdicts.find(
            (one) => one.event === event && one.cell.state === state && one.cell.placement === placement,
          );
          return `${event}: ${verdict ? shorten(verdict.problems) : "not run"}`;
        }).join("\n"),
      ),
    ]);
  const good = verdicts.filter(({ problems }) => problems.length === 0).length;
  return `${rows.toString()}\n${title}: ${good} of ${verdicts.length} repaired with every value kept`;
}

function shorten(problems: readonly string[]): string {
  if (problems.length === 0) return "ok";
  if (problems.some((problem) => problem.includes("lost"))) return "VALUE LOST";
  return problems.some((problem) => problem.startsWith("value left")) ? "keys unreachable" : "left open";
}
