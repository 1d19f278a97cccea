/** A drill as a picture: who acknowledged writes when, the gap, and what happened. Pure; plain SVG. */
import { lengthOf, longestGap, settledMs } from "./measure";
import { axis, type Box, clip, colours, escapeXml, labels, lane, text } from "./svg";
import type { Drill, DrillEvent, DrillEventKind, DrillReport, Gap } from "./types";

const WIDTH = 1000;
const LEFT = 110;
const RIGHT = 30;
const LANE_HEIGHT = 34;
const LANE_GAP = 8;
/** Half the width of a gap's label. */
const GAP_LABEL_PX = 35;

interface Panel {
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly events: readonly DrillEvent[];
  /** Stretches to be marked, in order of time. */
  readonly gaps: readonly Gap[];
  /** Width of one column of the lanes, in pixels. */
  readonly columnPx: number;
}

/** What the whole run is told by; the rest is in the close-up. */
const LANDMARKS: readonly DrillEventKind[] = [
  "requested",
  "killed",
  "serving",
  "restarted",
  "handback",
  "handed-back",
];

/** A complete SVG document of 1000 pixels width. */
export function timelineSvg(drill: Drill): string {
  const { report } = drill;
  const closeUp = drawPanel(closeUpPanel(drill), 96, drill);
  const whole = drawPanel(wholePanel(drill), 96 + closeUp.heightPx + 24, drill);
  const height = 96 + closeUp.heightPx + 24 + whole.heightPx;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">`,
    `<title>${escapeXml(titleOf(report))}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(24, 36, titleOf(report), { size: 20, weight: "bold" }),
    text(24, 60, summaryOf(report), { size: 14, fill: colours.dim }),
    closeUp.svg,
    whole.svg,
    "</svg>",
    "",
  ].join("\n");
}

function closeUpPanel({ report, acks }: Drill): Panel {
  const gap = longestGap(acks, 0, settledMs(report.events));
  const range = closeUpOf(report, gap);
  const events = report.events.filter(({ atMs }) => atMs >= range.fromMs && atMs <= range.toMs);
  return { title: "around the failover", ...range, events, gaps: [gap], columnPx: 2 };
}

function wholePanel({ report, acks }: Drill): Panel {
  const [first, last] = [acks[0]?.atMs ?? 0, acks.at(-1)?.atMs ?? 1];
  const turnMs = settledMs(report.events);
  return {
    title: "the whole drill",
    fromMs: Math.min(0, first),
    toMs: Math.max(1, last),
    events: report.events.filter(({ kind }) => LANDMARKS.includes(kind)),
    gaps: [longestGap(acks, 0, turnMs), longestGap(acks, turnMs, last)],
    columnPx: 4,
  };
}

/** From a little before the failover until well after the first write that the new primary took. */
function closeUpOf(report: DrillReport, gap: Gap): { fromMs: number; toMs: number } {
  const endMs = Math.max(report.serveMs, report.electMs, gap.toMs, 20);
  return { fromMs: Math.min(0, gap.fromMs) - 0.3 * endMs, toMs: 1.7 * endMs };
}

function titleOf(report: DrillReport): string {
  return `Failover drill of ${report.cluster}, shard ${report.shard}: ${MODES[report.mode]}`;
}

const MODES: Readonly<Record<DrillReport["mode"], string>> = {
  planned: "planned handover",
  crash: "primary killed, replica forced",
  "crash-auto": "primary killed, Redis's own election",
};

function summaryOf({ unavailabilityMs, writes, redisVersion, handback }: DrillReport): string {
  return [
    `${ms(unavailabilityMs)} without an acknowledged write`,
    `${writes.lost} of ${writes.acknowledged} acknowledged writes lost`,
    `${ms(handback.unavailabilityMs)} while it was put back`,
    `Redis ${redisVersion}`,
  ].join("   ·   ");
}

function ms(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
}

function drawPanel(panel: Panel, y: number, { report, acks }: Drill): { svg: string; heightPx: number } {
  const lanes = [
    { node: report.oldPrimary, fill: colours.first },
    { node: report.newPrimary, fill: colours.second },
  ];
  const height = lanes.length * (LANE_HEIGHT + LANE_GAP);
  const { fromMs, toMs } = panel;
  const box: Box = { x: LEFT, y: y + 36, width: WIDTH - LEFT - RIGHT, height, fromMs, toMs };
  const drawn = lanes.map(({ node, fill }, index) => {
    const top = box.y + index * (LANE_HEIGHT + LANE_GAP);
    const own = acks.filter((ack) => ack.node === node);
    return [
      text(LEFT - 10, top + LANE_HEIGHT / 2 + 4, node, { size: 12, anchor: "end", fill }),
      lane({ ...box, y: top, height: LANE_HEIGHT }, own, panel.columnPx, fill),
    ].join("\n");
  });
  const told = labels(box, panel.events);
  const svg = [
    text(24, y + 8, panel.title, { size: 14, weight: "bold" }),
    text(LEFT - 10, box.y - 8, "writes by", { size: 11, anchor: "end", fill: colours.dim }),
    ...drawGaps(box, panel.gaps),
    ...drawn,
    axis(box),
    told.svg,
  ].join("\n");
  return { svg, heightPx: 36 + height + told.heightPx };
}

/** Marked stretches with their lengths above; the labels of two that are close lean away from each other. */
function drawGaps(box: Box, gaps: readonly Gap[]): string[] {
  const shown = gaps.filter((gap) => lengthOf(gap) > 0);
  const middles = shown.map(({ fromMs, toMs }) => (clip(box, fromMs) + clip(box, toMs)) / 2);
  const [first = 0, second = Number.POSITIVE_INFINITY] = middles;
  const areClose = second - first < 2 * GAP_LABEL_PX;
  return shown.map((gap, index) => {
    const [x1, x2] = [clip(box, gap.fromMs), clip(box, gap.toMs)];
    const anchor = !areClose ? "middle" : index === 0 ? "end" : "start";
    const style = { size: 13, weight: "bold", anchor, fill: colours.gap } as const;
    const width = Math.max(1.5, x2 - x1).toFixed(1);
    const area = `<rect x="${x1.toFixed(1)}" y="${box.y}" width="${width}" height="${box.height}" fill="${colours.gap}" fill-opacity="0.16"/>`;
    return `${area}\n${text((x1 + x2) / 2, box.y - 8, ms(lengthOf(gap)), style)}`;
  });
}
