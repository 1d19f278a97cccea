/** The report of `bench load`. */
import type { LoadRow, LoadSettings } from "../load/types";
import type { Style } from "./style";
import { type Column, fittingTable } from "./table";
import { count, plural } from "./units";

export interface LoadReport {
  readonly cluster: string;
  readonly settings: LoadSettings;
  readonly rows: readonly LoadRow[];
  /** What bounds these figures, and what was left out. */
  readonly limits: readonly string[];
  /** What became of the run's keys. */
  readonly cleaning: string;
}

export function loadText(report: LoadReport, style: Style): string {
  const { cluster, settings, rows, limits, cleaning } = report;
  const { clients, pipeline, seconds } = settings;
  return [
    `${cluster} under load: ${plural(clients, "client")}, pipeline ${pipeline}, ${seconds} s each`,
    "",
    fittingTable([{ columns: CLIENT_COLUMNS, gap: 2 }], rows, style),
    "",
    nodesTable(rows, style),
    "",
    ...gains(rows),
    ...limits,
    cleaning,
  ].join("\n");
}

const CLIENT_COLUMNS: readonly Column<LoadRow>[] = [
  { title: "CLIENT", value: ({ client }) => client },
  { title: "SERVERS", value: ({ servers }) => servers },
  { title: "REQUESTS/S", align: "right", value: (row) => count(Math.round(row.requestsPerSecond)) },
  { title: "P50 MS", align: "right", value: ({ p50Ms }) => p50Ms.toFixed(2) },
  { title: "P99 MS", align: "right", value: ({ p99Ms }) => p99Ms.toFixed(2) },
];

/** A line for every node, a column for every client: "20,113/s 63%". */
function nodesTable(rows: readonly LoadRow[], style: Style): string {
  const names = [...new Set(rows.flatMap(({ nodes }) => nodes.map(({ node }) => node)))];
  const clients = [...new Set(rows.map(({ client }) => client))];
  const shareOf = (node: string, client: string) =>
    rows
      .filter((row) => row.client === client)
      .flatMap(({ nodes }) => nodes.filter((each) => each.node === node))[0];
  const columns: Column<string>[] = [
    { title: "NODE, ITS REQUESTS AND CPU", value: (node) => node },
    ...clients.map((client): Column<string> => {
      const value = (node: string) => {
        const share = shareOf(node, client);
        return share === undefined
          ? "-"
          : `${count(Math.round(share.requestsPerSecond))}/s ${Math.round(100 * share.cpu)}%`;
      };
      return { title: client.replace("redis-benchmark", "benchmark"), align: "right", value };
    }),
  ];
  return fittingTable([{ columns, gap: 2 }], names, style);
}

/** What the cluster gains, client by client. */
function gains(rows: readonly LoadRow[]): string[] {
  const clients = [...new Set(rows.map(({ client }) => client))];
  return clients.flatMap((client) => {
    const [single, cluster] = rows.filter((row) => row.client === client);
    if (!single || !cluster) return [];
    const ratio = cluster.requestsPerSecond / single.requestsPerSecond;
    return [`${client}: ${ratio.toFixed(2)} times one server's requests`];
  });
}
