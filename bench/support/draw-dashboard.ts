/** The dashboard as one picture: numbers, the table of nodes, lines over time. Pure. */
import { colours, text } from "../../cluster/drill/svg";
import type { PanelUnit } from "../../templates/monitoring/panels/types";
import { svg } from "./draw";
import { ticksOf } from "./scale";

const SERIES = ["#1d4ed8", "#b45309", "#047857", "#be185d", "#6d28d9", "#0e7490", "#a16207", "#475569"];
const PAGE = { width: 900, margin: 14, gap: 12 };
const TILE_HEIGHT = 62;
const ROW_HEIGHT = 19;
const CHART = { width: (PAGE.width - 2 * PAGE.margin - PAGE.gap) / 2, height: 236 };
const PLOT = { x: 62, y: 32, width: CHART.width - 76, height: 128 };
/** Of a character of a legend, generously. */
const CHARACTER_PX = 5.6;

export interface Series {
  readonly name: string;
  /** Seconds and values, ascending in time. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Chart {
  readonly title: string;
  readonly unit: PanelUnit;
  readonly series: readonly Series[];
}

/** A time that something took, shown in every chart. In seconds, as points are. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

export interface DashboardPicture {
  readonly title: string;
  readonly tiles: readonly { readonly title: string; readonly value: string }[];
  readonly table: {
    readonly title: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly string[])[];
  };
  readonly charts: readonly Chart[];
  readonly change: Span;
}

export function dashboardSvg({ title, tiles, table, charts, change }: DashboardPicture): string {
  const inner = PAGE.width - 2 * PAGE.margin;
  const tileWidth = (inner - (tiles.length - 1) * PAGE.gap) / tiles.length;
  const tableTop = 46 + TILE_HEIGHT + PAGE.gap;
  const tableHeight = 52 + table.rows.length * ROW_HEIGHT;
  const chartsTop = tableTop + tableHeight + PAGE.gap;
  const place = (index: number) => ({
    x: PAGE.margin + (index % 2) * (CHART.width + PAGE.gap),
    y: chartsTop + Math.floor(index / 2) * (CHART.height + PAGE.gap),
  });
  const height = chartsTop + Math.ceil(charts.length / 2) * (CHART.height + PAGE.gap) + 2;
  const window = windowOf(charts);
  return svg(PAGE.width, height, [
    text(PAGE.margin + 2, 30, title, { size: 16, weight: "bold" }),
    ...tiles.map((tile, at) =>
      group(PAGE.margin + at * (tileWidth + PAGE.gap), 46, [
        card(tileWidth, TILE_HEIGHT),
        text(12, 20, tile.title, { size: 12, fill: colours.dim }),
        text(12, 48, tile.value, { size: 20, weight: "bold" }),
      ]),
    ),
    group(PAGE.margin, tableTop, [card(inner, tableHeight), ...tableParts(table, inner)]),
    ...charts.map((chart, at) => group(place(at).x, place(at).y, chartParts(chart, window, change))),
  ]);
}

function group(x: number, y: number, parts: readonly string[]): string {
  return `<g transform="translate(${x.toFixed(1)} ${y})">\n${parts.join("\n")}\n</g>`;
}

function card(width: number, height: number): string {
  return `<rect width="${width.toFixed(1)}" height="${height}" rx="6" fill="none" stroke="#e5e7eb"/>`;
}

function tableParts({ title, columns, rows }: DashboardPicture["table"], width: number): string[] {
  const x = (column: number) => 12 + (column * (width - 24)) / columns.length;
  return [
    text(12, 20, title, { size: 13, weight: "bold" }),
    ...columns.map((name, column) => text(x(column), 40, name, { size: 11, fill: colours.dim })),
    ...rows.flatMap((cells, row) =>
      cells.map((cell, column) => {
        const fill = cell === "up" ? "#047857" : cell === "down" ? colours.gap : colours.ink;
        return text(x(column), 40 + (row + 1) * ROW_HEIGHT, cell, { size: 12, fill });
      }),
    ),
  ];
}

type Window = Pick<Span, "from" | "to">;

/** One for all charts, so that they can be compared. */
function windowOf(charts: readonly Chart[]): Window {
  const times = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([at]) => at)));
  const from = Math.min(...times);
  return { from, to: Math.max(...times, from + 1) };
}

function chartParts({ title, unit, series }: Chart, { from, to }: Window, change: Span): string[] {
  const max = Math.max(0, ...series.flatMap(({ points }) => points.map(([, value]) => value)));
  const ticks = ticksOf(max, unit);
  const top = ticks.at(-1)?.value ?? 1;
  const x = (at: number) => PLOT.x + ((at - from) / (to - from)) * PLOT.width;
  const y = (value: number) => PLOT.y + PLOT.height - (value / top) * PLOT.height;
  const paths = series.map(({ points }, index) => {
    const path = points.map(
      ([at, value], step) => `${step === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`,
    );
    return `<path d="${path.join("")}" fill="none" stroke="${colourOf(index)}" stroke-width="1.4"/>`;
  });
  const band = `<rect x="${x(change.from).toFixed(1)}" y="${PLOT.y}" width="${(x(change.to) - x(change.from)).toFixed(1)}" height="${PLOT.height}" fill="#fef3c7"/>`;
  return [
    card(CHART.width, CHART.height),
    text(12, 20, title, { size: 13, weight: "bold" }),
    band,
    ...ticks.flatMap(({ value, label }) => [
      `<path d="M${PLOT.x} ${y(value).toFixed(1)}h${PLOT.width.toFixed(1)}" stroke="${colours.line}" stroke-width="0.4"/>`,
      text(PLOT.x - 6, y(value) + 4, label, { size: 10, anchor: "end", fill: colours.dim }),
    ]),
    ...paths,
    text(x(change.from) + 2, PLOT.y + 10, change.what, { size: 9, fill: colours.second }),
    ...timeAxis({ from, to }, x),
    ...legend(series.map(({ name }) => name)),
  ];
}

function timeAxis({ from, to }: Window, x: (at: number) => number): string[] {
  return ticksOf(to - from, "s")
    .filter(({ value }) => value <= to - from)
    .map(({ value, label }) =>
      text(x(from + value), PLOT.y + PLOT.height + 15, label, {
        size: 10,
        anchor: "middle",
        fill: colours.dim,
      }),
    );
}

/** As many beside each other as there is room for. A line without a name needs none. */
function legend(names: readonly string[]): string[] {
  const width = 20 + CHARACTER_PX * Math.max(0, ...names.map((name) => name.length));
  const columns = Math.max(1, Math.floor((CHART.width - 20) / width));
  return names.flatMap((name, index) => {
    if (name === "") return [];
    const x = 14 + (index % columns) * width;
    const y = PLOT.y + PLOT.height + 36 + Math.floor(index / columns) * 15;
    const mark = `<rect x="${x.toFixed(1)}" y="${y - 8}" width="8" height="8" fill="${colourOf(index)}"/>`;
    return [mark + text(x + 12, y, name, { size: 10 })];
  });
}

function colourOf(index: number): string {
  return SERIES[index % SERIES.length] ?? colours.ink;
}
