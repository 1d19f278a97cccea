/** The report of a failover drill for people. */
import type { DrillReport } from "../../cluster/drill";
import type { Style, Tone } from "./style";
import { count, duration, plural } from "./units";
import { wrap } from "./wrap";

interface Line {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: Tone;
}

export function drillText(report: DrillReport, svg: string | undefined, { paint, columns }: Style): string {
  const lines = [...timeLines(report), ...writeLines(report)];
  const labelWidth = Math.max(...lines.map(({ label }) => label.length));
  const valueWidth = Math.max(...lines.map(({ value }) => value.length));
  const indent = " ".repeat(labelWidth + valueWidth + 6);
  const drawn = lines.map(({ label, value, note, tone }) => {
    const text = wrap(
      `  ${label.padEnd(labelWidth)}  ${value.padStart(valueWidth)}  ${note}`,
      columns,
      indent,
    );
    return tone ? paint(tone, text.trimEnd()) : text.trimEnd();
  });
  return [
    paint("bold", wrap(titleOf(report), columns, "  ")),
    "",
    ...drawn,
    "",
    endLine(report, { paint, columns }),
    ...(svg === undefined ? [] : [`timeline: ${svg}`]),
  ].join("\n");
}

function titleOf({ mode, cluster, shard, oldPrimary, newPrimary, redisVersion }: DrillReport): string {
  return `${cluster}, shard ${shard}: ${newPrimary} took over from ${oldPrimary} (${HOW[mode]}, Redis ${redisVersion})`;
}

const HOW: Readonly<Record<DrillReport["mode"], string>> = {
  planned: "planned handover",
  crash: "killed; replica forced",
  "crash-auto": "killed; Redis's own election",
};

function timeLines(report: DrillReport): Line[] {
  const { mode, detectMs, electMs, serveMs, agreeMs, unavailabilityMs, quietGapMs, handback } = report;
  const detectedBy =
    mode === "crash" ? "its host says that the process is gone" : "the majority holds it for dead";
  return [
    ...(detectMs === null ? [] : [{ label: "detected", value: duration(detectMs), note: detectedBy }]),
    { label: "elected", value: duration(electMs), note: "the replica has taken the slots" },
    { label: "serving", value: duration(serveMs), note: "it acknowledges a write" },
    { label: "agreed", value: duration(agreeMs), note: "every node sees it" },
    {
      label: "without writes",
      value: duration(unavailabilityMs),
      note: `longest time without an acknowledged write (${duration(quietGapMs)} while nothing happened)`,
      tone: "bold",
    },
    {
      label: "put back",
      value: duration(handback.unavailabilityMs),
      note: `the same until ${report.oldPrimary} was the primary again, ${duration(handback.doneMs)} after the start`,
    },
  ];
}

function writeLines({ writes }: DrillReport): Line[] {
  const retries = Object.entries(writes.retries).map(([word, times]) => `${word} ${count(times)}`);
  return [
    {
      label: "writes",
      value: count(writes.acknowledged),
      note: `acknowledged, in ${plural(writes.slots, "slot")}, ${writes.ratePerSecond} a second at most`,
    },
    {
      label: "lost",
      value: count(writes.lost),
      note: "acknowledged writes that were not there afterwards",
      tone: writes.lost === 0 ? "good" : "bad",
    },
    ...(retries.length === 0
      ? []
      : [
          {
            label: "retries",
            value: "",
            note: `${retries.join(", ")} (the probe tries again, as clients do)`,
          },
        ]),
  ];
}

function endLine({ restored, remaining, oldPrimary }: DrillReport, { paint, columns }: Style): string {
  if (restored)
    return paint("good", `Everything is as before: ${oldPrimary} is the primary, \`up\` has nothing to do.`);
  return paint("bad", wrap(`Not as before: ${remaining.join("; ")}`, columns, "  "));
}
