/** What the dashboard's own queries give, for its picture. */
import { filled, PANEL_ROWS } from "../../templates/monitoring/panels";
import type { Panel, PanelQuery, TableColumn, TablePanel } from "../../templates/monitoring/panels/types";
import { type Asked, asking, type Sample } from "../../test/monitoring/support/watched-cluster";
import type { Chart, DashboardPicture, Span } from "./draw-dashboard";
import { valueText } from "./scale";

const TILES = ["Nodes up", "Slots served", "Alerts", "Requests", "Requests at 30 % CPU"];
const TABLE = "Nodes now";
const CHARTS = [
  "Requests by node",
  "CPU by node",
  "Hit ratio",
  "Time of a command",
  "Memory of maxmemory",
  "Behind the primary",
  "Slots by node",
  "Clients",
];

export interface Asking {
  /** Address of Prometheus. */
  readonly url: string;
  readonly cluster: string;
  readonly rateInterval: string;
  /** Of the charts, to now; in seconds. */
  readonly from: number;
  readonly change: Span;
}

export async function askDashboard(asked: Asking): Promise<DashboardPicture> {
  const prometheus = asking(asked.url);
  const tiles = await Promise.all(TILES.map((title) => tileOf(panelOf(title), prometheus, asked)));
  const table = await tableOf(panelOf(TABLE), prometheus, asked);
  const charts = await Promise.all(CHARTS.map((title) => chartOf(panelOf(title), prometheus, asked)));
  return { title: `Redis Cluster: ${asked.cluster}`, tiles, table, charts, change: asked.change };
}

function panelOf(title: string): Panel {
  const panel = PANEL_ROWS.flatMap(({ panels }) => panels).find((each) => each.title === title);
  if (panel === undefined) throw new Error(`the dashboard has no panel "${title}"`);
  return panel;
}

const exprOf = ({ expr }: PanelQuery, { cluster, rateInterval }: Asking) =>
  filled(expr, { cluster, rateInterval });

async function tileOf(panel: Panel, prometheus: Asked, asked: Asking) {
  if (panel.kind !== "stat") throw new Error(`"${panel.title}" is no number`);
  const values = await Promise.all(
    panel.queries.map(async (query) => {
      const [sample] = await prometheus.query(exprOf(query, asked));
      return sample === undefined ? "-" : valueText(round(sample.value), panel.unit);
    }),
  );
  // Of several, the second is the whole.
  return { title: panel.title, value: `${values.join(" of ")}${panel.unit === "reqps" ? "/s" : ""}` };
}

const round = (value: number) => (value >= 100 ? Math.round(value) : value);

/** Merged as Grafana does: a line for each node, ordered by the first column. */
async function tableOf(panel: Panel, prometheus: Asked, asked: Asking): Promise<DashboardPicture["table"]> {
  if (panel.kind !== "table") throw new Error(`"${panel.title}" is no table`);
  const answers = await Promise.all(panel.queries.map((query) => prometheus.query(exprOf(query, asked))));
  const nodes = [...new Set(answers.flatMap((samples) => samples.map(({ metric }) => metric.node ?? "")))];
  const rows = nodes.map((node) => panel.columns.map((column) => cellOf(column, node, answers)));
  return { title: panel.title, columns: titlesOf(panel), rows: rows.sort(byFirstCells) };
}

const titlesOf = ({ columns }: TablePanel) => columns.map(({ title }) => title);
const byFirstCells = (one: readonly string[], other: readonly string[]) =>
  one.slice(0, 2).join().localeCompare(other.slice(0, 2).join());

function cellOf({ from, unit = "none" }: TableColumn, node: string, answers: readonly Sample[][]): string {
  const isOfNode = ({ metric }: Sample) => metric.node === node;
  if (typeof from === "string")
    return (
      answers.flat().find((sample) => isOfNode(sample) && sample.metric[from] !== undefined)?.metric[from] ??
      ""
    );
  const value = answers[from]?.find(isOfNode)?.value;
  if (value === undefined) return "";
  return unit === "state" ? (value === 1 ? "up" : "down") : valueText(value, unit);
}

async function chartOf(panel: Panel, prometheus: Asked, asked: Asking): Promise<Chart> {
  if (panel.kind === "table" || panel.kind === "states") throw new Error(`"${panel.title}" is no chart`);
  const series = await Promise.all(
    panel.queries.map(async (query) => {
      const ranges = await prometheus.range(exprOf(query, asked), asked.from, Date.now() / 1000, 1);
      return ranges.map(({ metric, points }) => ({
        name: query.legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
        points: points.filter(([, value]) => Number.isFinite(value)),
      }));
    }),
  );
  const drawn = series.flat().filter(({ points }) => points.length > 1);
  if (drawn.length === 0) throw new Error(`"${panel.title}" has nothing to draw`);
  return { title: panel.title, unit: panel.unit, series: drawn };
}
