/** Parts of the timeline picture: lanes, axis, labels that do not lie on each other. Pure. */
import { countPerBucket } from "./measure";
import type { Ack, DrillEvent } from "./types";

/** Distinguishable in print and for the colour-blind. */
export const colours = {
  first: "#1d4ed8",
  second: "#b45309",
  gap: "#dc2626",
  ink: "#111827",
  dim: "#4b5563",
  line: "#9ca3af",
} as const;

/** A piece of the picture with a time axis, in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface TextStyle {
  readonly size: number;
  readonly weight?: "bold";
  readonly anchor?: "start" | "middle" | "end";
  readonly fill?: string;
}

export function escapeXml(raw: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return raw.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

export function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, weight = "normal", anchor = "start", fill = colours.ink } = style;
  // The white rim keeps it legible where lines pass behind it.
  const rim = `paint-order="stroke" stroke="#ffffff" stroke-width="3" stroke-linejoin="round"`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}" ${rim}>${escapeXml(content)}</text>`;
}

/** Pixel of a time, inside the box even where the time is not. */
export function clip(box: Box, atMs: number): number {
  const share = (atMs - box.fromMs) / (box.toMs - box.fromMs);
  return box.x + Math.min(1, Math.max(0, share)) * box.width;
}

/** Acknowledged writes as columns, as high as they are many. */
export function lane(box: Box, acks: readonly Ack[], columnPx: number, fill: string): string {
  const bucketMs = ((box.toMs - box.fromMs) * columnPx) / box.width;
  const counts = countPerBucket(acks, box.fromMs, box.toMs, bucketMs);
  const most = Math.max(1, ...counts);
  const columns = counts.flatMap((count, index) => {
    if (count === 0) return [];
    const height = Math.max(4, (count / most) * box.height);
    const x = box.x + index * columnPx;
    return `M${x.toFixed(1)} ${(box.y + box.height).toFixed(1)}v-${height.toFixed(1)}h${columnPx}v${height.toFixed(1)}z`;
  });
  const base = `<path d="M${box.x} ${box.y + box.height}h${box.width}" stroke="${colours.line}" stroke-width="0.5"/>`;
  return `${base}\n<path d="${columns.join("")}" fill="${fill}"/>`;
}

/** A step of 1, 2 or 5 times a power of ten that gives six to twelve ticks. */
function tickStep(spanMs: number): number {
  const power = 10 ** Math.floor(Math.log10(spanMs / 6));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => spanMs / step <= 12) ?? 10 * power;
}

/** Below the box; seconds where ticks are whole tenths of them. */
export function axis(box: Box): string {
  const stepMs = tickStep(box.toMs - box.fromMs);
  const bottom = box.y + box.height;
  const inSeconds = stepMs >= 500;
  const ticks: string[] = [];
  for (let tick = Math.ceil(box.fromMs / stepMs); tick * stepMs <= box.toMs; tick++) {
    const atMs = tick * stepMs;
    const x = clip(box, atMs);
    const label = inSeconds ? `${Number((atMs / 1000).toFixed(1))} s` : `${Number(atMs.toFixed(1))} ms`;
    ticks.push(`<path d="M${x.toFixed(1)} ${bottom}v5" stroke="${colours.line}"/>`);
    ticks.push(text(x, bottom + 18, label, { size: 11, anchor: "middle", fill: colours.dim }));
  }
  return [`<path d="M${box.x} ${bottom}h${box.width}" stroke="${colours.line}"/>`, ...ticks].join("\n");
}

const LABEL_SIZE = 12;
const ROW_HEIGHT = 18;
/** Of a character of the label's font, generously. */
const CHARACTER_PX = 6.6;

/**
 * What happened, below the axis, each in the first row where there is room, with a line up to its moment. Lines come
 * first, so that no line is drawn over a text.
 */
export function labels(box: Box, events: readonly DrillEvent[]): { svg: string; heightPx: number } {
  const bottom = box.y + box.height;
  const rowEnds: number[] = [];
  const placed = events.map((event) => {
    const x = clip(box, event.atMs);
    const content = `${event.text} (${timeText(event.atMs)})`;
    const width = content.length * CHARACTER_PX;
    const flips = x + width + 4 > box.x + box.width;
    const start = flips ? x - width - 4 : x + 4;
    const free = rowEnds.findIndex((end) => end < Math.min(start, x) - 6);
    const row = free === -1 ? rowEnds.length : free;
    rowEnds[row] = Math.max(start + width, x);
    return { x, y: bottom + 40 + row * ROW_HEIGHT, content, flips };
  });
  const lines = placed.map(
    ({ x, y }) =>
      `<path d="M${x.toFixed(1)} ${box.y}V${y.toFixed(1)}" stroke="${colours.ink}" stroke-width="0.8" stroke-dasharray="3 3"/>`,
  );
  const texts = placed.map(({ x, y, content, flips }) =>
    text(flips ? x - 4 : x + 4, y, content, { size: LABEL_SIZE, anchor: flips ? "end" : "start" }),
  );
  return { svg: [...lines, ...texts].join("\n"), heightPx: 40 + rowEnds.length * ROW_HEIGHT };
}

function timeText(atMs: number): string {
  return Math.abs(atMs) < 1000 ? `${Math.round(atMs)} ms` : `${(atMs / 1000).toFixed(2)} s`;
}
