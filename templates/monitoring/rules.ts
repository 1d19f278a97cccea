/** Every rule of the kit as one rule file. */
import { availabilityAlerts } from "./alerts/availability";
import { loadAlerts } from "./alerts/load";
import { persistenceAlerts } from "./alerts/persistence";
import { placementAlerts } from "./alerts/placement";
import { ALERT_DEFAULTS, type Alert, type AlertSettings, type Range, type Recording } from "./types";
import { toYaml, type Yaml } from "./yaml";

/** Two samples make a rate; a scrape may be late or lost. */
const MIN_SCRAPES_IN_RANGE = 4;

/** Every alert, ordered by what is at stake. */
export function alertsOf(settings: AlertSettings = ALERT_DEFAULTS): Alert[] {
  const range = rangeOf(settings);
  return [
    ...availabilityAlerts(range),
    ...placementAlerts(),
    ...loadAlerts(range),
    ...persistenceAlerts(settings.backupMaxAgeHours),
  ];
}

/** Roles in the kit's words; `redis_instance_info` has many labels that change with every restart. */
export const RECORDINGS: readonly Recording[] = [
  {
    record: "redis_kit:node_role",
    expr: `max by (cluster, shard, node, zone, role) (
  label_replace(label_replace(redis_instance_info,
    "role", "primary", "role", "master"),
    "role", "replica", "role", "slave")
)`,
  },
];

/** The rule file (alerts.yml). */
export function rulesYml(settings: AlertSettings = ALERT_DEFAULTS): string {
  return toYaml({
    groups: [
      { name: "redis-cluster-kit-roles", rules: RECORDINGS.map(({ record, expr }) => ({ record, expr })) },
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
