/** Every rule of the kit as one rule file. */
import { availabilityAlerts } from "./alerts/availability";
import { BACKUP_MAX_AGE, DECLARED } from "./alerts/labels";
import { loadAlerts } from "./alerts/load";
import { persistenceAlerts } from "./alerts/persistence";
import { placementAlerts } from "./alerts/placement";
import { nodeLabels } from "./targets";
import {
  ALERT_DEFAULTS,
  type Alert,
  type AlertSettings,
  type DeclaredNodes,
  type Range,
  type Recording,
} from "./types";
import { toYaml, type Yaml } from "./yaml";

/** Two samples make a rate; a scrape may be late or lost. */
export const MIN_SCRAPES_IN_RANGE = 4;

/** Every alert, ordered by what is at stake. */
export function alertsOf(settings: AlertSettings = ALERT_DEFAULTS): Alert[] {
  const range = rangeOf(settings);
  return [
    ...availabilityAlerts(range),
    ...placementAlerts(range),
    ...loadAlerts(range),
    ...persistenceAlerts(settings.backupMaxAgeHours),
  ];
}

/** Roles in the kit's words; `redis_instance_info` has many labels that change with every restart. */
const ROLES: Recording = {
  record: "redis_kit:node_role",
  expr: `max by (cluster, shard, node, zone, role) (
  label_replace(label_replace(redis_instance_info,
    "role", "primary", "role", "master"),
    "role", "replica", "role", "slave")
)`,
};

/** Longest age of a backup, in seconds: the alerts take it from here, so that rule files of several clusters agree. */
function maxAge(cluster: string, { backupMaxAgeHours, expectsBackups }: AlertSettings): Recording {
  return {
    record: BACKUP_MAX_AGE,
    expr: `vector(${backupMaxAgeHours * 3600})`,
    labels: { cluster, expected: expectsBackups ? "yes" : "no" },
  };
}

/** The roles, and every node that is declared: a rule that counts what answers would not notice what is gone altogether. */
export function recordingsOf(
  { cluster, nodes }: DeclaredNodes,
  settings: AlertSettings = ALERT_DEFAULTS,
): Recording[] {
  const declared = nodes.map((node) => ({
    record: DECLARED,
    expr: "vector(1)",
    labels: nodeLabels(cluster, node),
  }));
  return [ROLES, maxAge(cluster, settings), ...declared];
}

/** The rule file (alerts.yml) of a cluster. */
export function rulesYml(declared: DeclaredNodes, settings: AlertSettings = ALERT_DEFAULTS): string {
  const recordings = recordingsOf(declared, settings).map(({ record, expr, labels }) => ({
    record,
    expr,
    labels,
  }));
  return toYaml({
    groups: [
      { name: "redis-cluster-kit-nodes", rules: recordings },
      { name: "redis-cluster-kit", rules: alertsOf(settings).map((alert) => ruleOf(alert, settings)) },
    ],
  });
}

function ruleOf(alert: Alert, settings: AlertSettings): Yaml {
  const seconds = Math.round(alert.forSeconds * settings.timeScale);
  return {
    alert: alert.name,
    expr: alert.expr,
    for: seconds === 0 ? undefined : `${seconds}s`,
    labels: { severity: alert.severity },
    annotations: {
      summary: alert.summary,
      description: alert.description,
      runbook_url: `${settings.runbookUrl}#${alert.name.toLowerCase()}`,
    },
  };
}

function rangeOf({ timeScale, scrapeIntervalSeconds }: AlertSettings): Range {
  return (seconds) => {
    const scaled = Math.max(Math.ceil(seconds * timeScale), MIN_SCRAPES_IN_RANGE * scrapeIntervalSeconds);
    return `${scaled}s`;
  };
}
