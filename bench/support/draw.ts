/** SVG from what was really there: a terminal's text, nodes in their zones. Pure. */
import { colours, escapeXml, text } from "../../cluster/drill/svg";
import type { NodeStatus } from "../../cluster/status";

const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";

/** A white picture of that size. */
export function svg(width: number, height: number, body: readonly string[], font = "sans-serif"): string {
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
    const second = isPrimary ? `primary, ${slots(node)}` : `replica, ${node.state}`;
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
