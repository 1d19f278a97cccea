/** The `monitoring` key of a stack: exporters, and on this machine a Prometheus of its own. */
import { z } from "zod";
import type { PlannedNode } from "../topology";
import { type Problem, printable } from "./error";
import { type BadPart, type FieldMeta, fieldMeta, type PartMeta } from "./field-meta";
import { exporterPortOf, type MonitoringConfig } from "./monitoring-types";

export { exporterPortOf, type MonitoringConfig } from "./monitoring-types";

export const MONITORING_DEFAULTS = {
  exporterPort: 9121,
  scrapeIntervalSeconds: 15,
  runbookUrl: "docs/runbook.md",
} as const;

/** Numbers and flags, or their text: `pulumi config set --path` writes text where quotes are given. */
function whole(min: number, max: number) {
  return z
    .union([
      z.int(),
      z
        .string()
        .regex(/^\d{1,5}$/)
        .transform(Number),
    ])
    .pipe(z.int().min(min).max(max));
}

export const monitoringSchema = z.strictObject({
  enabled: z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]).optional(),
  exporterPort: whole(1024, 65_535).default(MONITORING_DEFAULTS.exporterPort),
  prometheusPort: whole(1024, 65_535).optional(),
  scrapeIntervalSeconds: whole(1, 300).default(MONITORING_DEFAULTS.scrapeIntervalSeconds),
  runbookUrl: z
    .string()
    .regex(/^[^\s\p{Cc}#]{1,1000}$/u)
    .default(MONITORING_DEFAULTS.runbookUrl),
  nodeExporterPort: whole(1, 65_535).optional(),
  backupMaxAgeHours: whole(1, 10_000).optional(),
});

type MonitoringValues = z.output<typeof monitoringSchema>;

export const MONITORING_PARTS: Readonly<Record<keyof MonitoringValues, PartMeta>> = {
  enabled: {
    what: "Whether every node gets an exporter.",
    expected: "true or false",
    computedDefault: "false on the local target, true on servers",
  },
  exporterPort: {
    what: "Port of the exporters; locally that of the first node's, the others as far apart as the nodes.",
    expected: "a port from 1024 to 65535",
  },
  prometheusPort: {
    what: "Local target: also a Prometheus on this machine, with the kit's alerts.",
    expected: "a port from 1024 to 65535",
    computedDefault: "none: no Prometheus",
  },
  scrapeIntervalSeconds: {
    what: "How often Prometheus asks.",
    expected: "a whole number of seconds from 1 to 300",
  },
  runbookUrl: {
    what: "Where alerts say that the runbook is to be read.",
    expected: "an address or path without spaces and #",
  },
  nodeExporterPort: {
    what: "Targets ssh and aws, where `backup` is declared: port of your node_exporter on the servers, which tells of the backups.",
    expected: "a port from 1 to 65535, usually 9100",
    computedDefault: "none: Prometheus hears of backups only what you bring to it",
  },
  backupMaxAgeHours: {
    what: "How old the last good backup may get before RedisBackupTooOld fires, and RedisBackupMissing where there is none.",
    expected: "a whole number of hours from 1 to 10000",
    computedDefault: "the longest time between two of `backup.schedule`, and two hours: 26 for a daily one",
  },
};

function badPart(value: unknown): BadPart | undefined {
  const issue = monitoringSchema.safeParse(value).error?.issues[0];
  if (issue === undefined || typeof value !== "object" || value === null) return undefined;
  const key = issue.code === "unrecognized_keys" ? issue.keys[0] : issue.path[0];
  if (typeof key !== "string") return undefined;
  const known: Readonly<Record<string, PartMeta>> = MONITORING_PARTS;
  const expected = known[key]?.expected ?? `one of the keys ${Object.keys(known).join(", ")}`;
  return { path: key, expected, found: Reflect.get(value, key) };
}

const meta: FieldMeta = {
  kind: "record",
  expected:
    "enabled, exporterPort, prometheusPort, scrapeIntervalSeconds, runbookUrl, nodeExporterPort, backupMaxAgeHours",
  cure: "pulumi config set --path monitoring.enabled true, or a mapping under monitoring: in the stack file",
  change: "exporters start, restart or stop; Redis is not touched",
  computedDefault: "off on the local target; on servers exporters on port 9121",
  badPart,
};

export const monitoring = monitoringSchema
  .optional()
  .describe(
    "Exporters of the nodes, and on this machine a Prometheus. Its keys are in docs/configuration.md, how to use them in docs/monitoring.md.",
  )
  .register(fieldMeta, meta);

/** Plain values of a stack as what the kit works with. */
export function monitoringConfig(
  values: MonitoringValues | undefined,
  target: "local" | "ssh" | "aws",
): MonitoringConfig {
  const { exporterPort, prometheusPort, scrapeIntervalSeconds, runbookUrl, ...given } =
    values ?? monitoringSchema.parse({});
  const { nodeExporterPort, backupMaxAgeHours } = given;
  return {
    enabled: values?.enabled ?? target !== "local",
    exporterPort,
    ...(prometheusPort === undefined ? {} : { prometheusPort }),
    scrapeIntervalSeconds,
    runbookUrl,
    ...(nodeExporterPort === undefined ? {} : { nodeExporterPort }),
    ...(backupMaxAgeHours === undefined ? {} : { backupMaxAgeHours }),
  };
}

/** Ports that are taken twice on this machine. `basePort` is that of the local target; without one there is nothing to check. */
export function monitoringProblems(
  config: MonitoringConfig,
  nodes: readonly PlannedNode[],
  basePort: number | undefined,
): Problem[] {
  if (!config.enabled || basePort === undefined) return [];
  const taken = new Map(nodes.flatMap((node) => [node.port, node.busPort].map((port) => [port, node.name])));
  const problem = (property: string, port: number, who: string | undefined): Problem => ({
    property: `monitoring.${property}`,
    value: printable(config.exporterPort),
    expected: `ports that are free: ${port} is ${who === undefined ? "no port" : `also ${who}'s`}`,
    cure: `pulumi config set --path monitoring.${property} ${MONITORING_DEFAULTS.exporterPort}`,
  });
  for (const node of nodes) {
    const port = exporterPortOf(config, node, basePort);
    const who = taken.get(port);
    if (who !== undefined || port > 65_535) return [problem("exporterPort", port, who)];
    taken.set(port, `${node.name}'s exporter`);
  }
  const { prometheusPort } = config;
  const who = prometheusPort === undefined ? undefined : taken.get(prometheusPort);
  return who === undefined || prometheusPort === undefined
    ? []
    : [problem("prometheusPort", prometheusPort, who)];
}
