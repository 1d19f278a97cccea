/** What a panel of the dashboard is. */

export type PanelUnit =
  | "reqps"
  | "percentunit"
  | "bytes"
  | "Bps"
  | "short"
  | "s"
  | "slots"
  /** Milliseconds since 1970, shown as "5 minutes ago". */
  | "ago"
  | "none";

/** What a query has a result for, each: tests hold it to that on a live cluster. */
export type Covers = "cluster" | "shard" | "node" | "primary" | "replica" | "alert";

export interface PanelQuery {
  readonly expr: string;
  /** Grafana's legend: labels in double braces. */
  readonly legend: string;
  readonly covers: Covers;
}

interface AnyPanel {
  readonly title: string;
  /** What it shows and what is good. */
  readonly description: string;
  readonly queries: readonly PanelQuery[];
  /** Columns of 24. */
  readonly width: 6 | 8 | 12 | 24;
}

/** The newest value of each query, large. */
export interface StatPanel extends AnyPanel {
  readonly kind: "stat";
  readonly unit: PanelUnit;
  /** Green from here on, orange below. */
  readonly goodFrom?: number;
  /** Red from here on, green below. */
  readonly badFrom?: number;
}

/** Lines over time. */
export interface LinesPanel extends AnyPanel {
  readonly kind: "lines";
  readonly unit: PanelUnit;
}

/** Bars over time whose colour is the value's: 1 is up, 0 is down. */
export interface StatesPanel extends AnyPanel {
  readonly kind: "states";
}

/** The queries' newest values side by side, a line for each set of labels that they have in common. */
export interface TablePanel extends AnyPanel {
  readonly kind: "table";
  readonly columns: readonly TableColumn[];
  /** Instead of lines, where there are none. */
  readonly empty?: string;
}

export interface TableColumn {
  readonly title: string;
  /** A label, or a query's number from 0. */
  readonly from: string | number;
  /** Default "none". `state`: 1 is "up" in green, 0 "down" in red. */
  readonly unit?: PanelUnit | "state";
}

export type Panel = StatPanel | LinesPanel | StatesPanel | TablePanel;

export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}
