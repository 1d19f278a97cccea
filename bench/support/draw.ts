/** SVG from what was really there: a terminal's text, lines over time, nodes in their zones. Pure. */
import { colours, escapeXml, text } from "../../cluster/drill/svg";
import type { NodeStatus } from "../../cluster/status";

const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
const SERIES = ["#1d4ed8", "#b45309", "#047857", "#be185d", "#6d28d9", "#0e7490", "#a16207", "#475569"];

function svg(width: number, height: number, body: readonly string[], font = "sans-serif"): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${font}">`;
  return `${[head, `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`, ...body].join("\n")}\n</svg>\n`;
}

/** `content` as a terminal shows it, below the `command` that printed it. */
export function terminalSvg(command: string, content: string): string {
  const lines = [`$ ${command}`, ...content.trimEnd().split("\n")];
  const width = Math.max(...lines.map((line) => line.length)) * 7.85 + 32;
  const height = lines.length * 18 + 28;
  const rows = lines.map((line, index) => {
    const fill = index === 0 ? "#7dd3fc" : "#e5e7eb";
    return `<text x="16" y="${28 + index * 18}" font-size="13" fill="${fill}" xml:space="preserve">${escapeXml(line)}</text>`;
  });
  const back = `<rect width="${Math.ceil(width)}" height="${height}" rx="8" fill="#111827"/>`;
  return svg(Math.ceil(width), height, [back, ...rows], FONT);
}

export interface Series {
  readonly name: string;
  /** Seconds and values, ascending in time. */
  readonly points: readonly (readonly [number, number])[];
}

const PLOT = { x: 70, y: 44, width: 680, height: 200 };

/** Lines over time, as the dashboard's panel of that title shows them. */
export function linesSvg(title: string, series: readonly Series[], show: (value: number) => string): string {
  const all = series.flatMap(({ points }) => points);
  const from = Math.min(...all.map(([at]) => at));
  const to = Math.max(...all.map(([at]) => at), from + 1);
  const top = Math.max(...all.map(([, value]) => value), 1e-9) * 1.1;
  const x = (at: number) => PLOT.x + ((at - from) / (to - from)) * PLOT.width;
  const y = (value: number) => PLOT.y + PLOT.height - (value / top) * PLOT.height;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
    `<path d="M${PLOT.x} ${y(top * part).toFixed(1)}h${PLOT.width}" stroke="${colours.line}" stroke-width="0.4"/>`,
    text(PLOT.x - 8, y(top * part) + 4, show(top * part), { size: 11, anchor: "end", fill: colours.dim }),
  ]);
  const paths = series.map(({ points }, index) => {
    const path = points.map(
      ([at, value], step) => `${step === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`,
    );
    return `<path d="${path.join("")}" fill="none" stroke="${SERIES[index % SERIES.length]}" stroke-width="1.6"/>`;
  });
  const legend = series.map(({ name }, index) => {
    const at = PLOT.x + (index % 6) * 115;
    const row = 286 + Math.floor(index / 6) * 18;
    const mark = `<rect x="${at}" y="${row - 9}" width="10" height="10" fill="${SERIES[index % SERIES.length]}"/>`;
    return mark + text(at + 15, row, name, { size: 12 });
  });
  const span = text(PLOT.x + PLOT.width, 262, `${Math.round(to - from)} s`, {
    size: 11,
    anchor: "end",
    fill: colours.dim,
  });
  const height = 300 + Math.floor((series.length - 1) / 6) * 18;
  return svg(780, height, [
    text(16, 26, title, { size: 15, weight: "bold" }),
    ...grid,
    ...paths,
    span,
    ...legend,
  ]);
}

const BOX = { width: 220, height: 62, gap: 16 };

/** Nodes in their zones; primaries filled, replicas outlined, a line from each to its primary. */
export function topologySvg(
  name: string,
  nodes: readonly NodeStatus[],
  slots: (node: NodeStatus) => string,
): string {
  const zones = [...new Set(nodes.map(({ zone }) => zone))].sort();
  const shards = Math.max(...nodes.map(({ shard }) => shard));
  const placeOf = (node: NodeStatus) => {
    const column = zones.indexOf(node.zone);
    const row = node.shard - 1;
    return { x: 24 + column * (BOX.width + 48), y: 88 + row * (BOX.height + BOX.gap) };
  };
  const height = 100 + shards * (BOX.height + BOX.gap);
  const columns = zones.map((zone, index) => {
    const x = 12 + index * (BOX.width + 48);
    const frame = `<rect x="${x}" y="48" width="${BOX.width + 24}" height="${height - 60}" rx="10" fill="#f3f4f6"/>`;
    return frame + text(x + 12, 72, `zone ${zone}`, { size: 13, fill: colours.dim });
  });
  const links = nodes.flatMap((node) => {
    const primary = nodes.find((each) => each.shard === node.shard && each.role === "primary");
    if (node.role !== "replica" || !primary) return [];
    const [one, other] = [placeOf(primary), placeOf(node)];
    const y = one.y + BOX.height / 2;
    const middle = (at: { x: number }) => at.x + BOX.width / 2;
    return [
      `<path d="M${middle(one)} ${y}H${middle(other)}" stroke="${colours.line}" stroke-width="2" stroke-dasharray="5 4"/>`,
    ];
  });
  const boxes = nodes.map((node) => {
    const { x, y } = placeOf(node);
    const isPrimary = node.role === "primary";
    const fill = isPrimary ? "#dbeafe" : "#ffffff";
    const frame = `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="8" fill="${fill}" stroke="${colours.first}"/>`;
    const second = isPrimary ? `primary, slots ${slots(node)}` : `replica, ${node.state}`;
    return [
      frame,
      text(x + 12, y + 25, `${node.name}  :${node.port}`, { size: 14, weight: "bold" }),
      text(x + 12, y + 46, second, { size: 12, fill: colours.dim }),
    ].join("");
  });
  const title = text(16, 30, `${name}: ${shards} shards, ${nodes.length} nodes`, {
    size: 16,
    weight: "bold",
  });
  return svg(zones.length * (BOX.width + 48) + 8, height, [title, ...columns, ...links, ...boxes]);
}
