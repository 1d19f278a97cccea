/** What `doctor` found, for people. */
import type { LastWords } from "../commands/doctor";
import { nextLines, type StatusSummary, statusHeadline } from "./status";
import type { Style } from "./style";
import { wrap } from "./wrap";

export interface DoctorReport {
  readonly problems: readonly {
    readonly severity: "info" | "warning" | "critical";
    readonly text: string;
    readonly why?: string;
  }[];
  readonly logs: readonly LastWords[];
  readonly advice: readonly string[];
}

export function doctorText(report: DoctorReport, summary: StatusSummary, style: Style): string {
  const { paint, columns } = style;
  const told = new Set<string>();
  const problems = report.problems.flatMap(({ severity, text, why }) => {
    const isNew = why !== undefined && !told.has(why);
    if (isNew) told.add(why);
    return [
      "",
      paint(severity === "critical" ? "bad" : "warn", wrap(`${severity}: ${text}`, columns, "  ")),
      ...(isNew ? [wrap(`  ${why}`, columns, "  ")] : []),
    ];
  });
  const logs = report.logs.flatMap(({ node, lines }) => [
    "",
    paint("bold", `Last lines of ${node}:`),
    ...lines.map((line) => paint("dim", cut(`  ${line}`, columns))),
  ]);
  const advice =
    report.advice.length === 0
      ? []
      : [
          "",
          paint("bold", "Worth knowing:"),
          ...report.advice.map((line) => wrap(`- ${line}`, columns, "  ")),
        ];
  const isFine = report.problems.length === 0;
  return [
    statusHeadline(summary, style),
    ...(isFine ? ["Nothing is wrong."] : problems),
    ...nextLines(summary, style),
    ...logs,
    ...advice,
  ].join("\n");
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}
