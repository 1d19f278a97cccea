/** A table without borders that fits its width by leaving out what is least missed. */
import Table from "cli-table3";
import type { Style } from "./style";

export interface Column<Row> {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Plain text; measured before it is painted. */
  readonly value: (row: Row) => string;
  readonly paint?: (row: Row, text: string) => string;
}

const NO_BORDER = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
} as const;

/** Which columns, and how many spaces are between them. */
export interface Layout<Row> {
  readonly columns: readonly Column<Row>[];
  readonly gap: 1 | 2;
}

/** The first layout that fits, else the last: rather a line too long than a column too few. */
export function fittingTable<Row>(
  layouts: readonly Layout<Row>[],
  rows: readonly Row[],
  style: Style,
): string {
  const fits = layouts.find(({ columns, gap }) => widthOf(columns, rows, gap) <= style.columns);
  const chosen = fits ?? layouts.at(-1);
  return chosen ? render(chosen.columns, rows, chosen.gap, style) : "";
}

function widthOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[], gap: number): number {
  const widths = columns.map(({ title, value }) =>
    Math.max(title.length, ...rows.map((row) => value(row).length)),
  );
  return widths.reduce((sum, width) => sum + width, 0) + gap * (columns.length - 1);
}

function render<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  gap: number,
  style: Style,
): string {
  const table = new Table({
    chars: NO_BORDER,
    style: { "padding-left": 0, "padding-right": gap, head: [], border: [] },
    colAligns: columns.map(({ align }) => align ?? "left"),
    head: columns.map(({ title }) => style.paint("dim", title)),
  });
  for (const row of rows)
    table.push(columns.map(({ value, paint }) => (paint ? paint(row, value(row)) : value(row))));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
