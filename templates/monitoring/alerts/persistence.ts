/** Disk and backups: whether the data would come back. */
import type { Alert } from "../types";
import { BACKUP_MAX_AGE, NODE } from "./labels";

const LAST = "redis_cluster_kit_backup_last";
const SUCCEEDED = `max by (cluster) (${LAST}_success_timestamp_seconds)`;
const FAILED = `max by (cluster) (${LAST}_failure_timestamp_seconds)`;

export function persistenceAlerts(backupMaxAgeHours: number): Alert[] {
  return [...diskAlerts(), ...backupAlerts(backupMaxAgeHours)];
}

function diskAlerts(): Alert[] {
  return [
    {
      name: "RedisSnapshotFailing",
      severity: "critical",
      expr: "redis_rdb_last_bgsave_status == 0",
      forSeconds: 0,
      summary: `${NODE} of {{ $labels.cluster }} cannot write its snapshot`,
      description: "With stop-writes-on-bgsave-error it refuses writes; after a restart it has old data.",
    },
    {
      name: "RedisAppendOnlyFileFailing",
      severity: "critical",
      expr: "(redis_aof_last_write_status == 0) or (redis_aof_last_bgrewrite_status == 0)",
      forSeconds: 0,
      summary: `${NODE} of {{ $labels.cluster }} cannot write its append-only file`,
      description:
        "Acknowledged writes may not be on disk; where writing fails, Redis refuses further writes.",
    },
  ];
}

function backupAlerts(maxAgeHours: number): Alert[] {
  return [
    {
      name: "RedisBackupTooOld",
      severity: "warning",
      expr: `(time() - ${SUCCEEDED}) > on (cluster) max by (cluster) (${BACKUP_MAX_AGE})`,
      forSeconds: 300,
      summary: "The last good backup of {{ $labels.cluster }} is {{ $value | humanizeDuration }} old",
      description: "What was written since would be lost with the cluster.",
    },
    {
      name: "RedisBackupMissing",
      severity: "warning",
      // Of this rule file's cluster and others of the same age; those of another have their own file.
      expr: `max by (cluster) (${BACKUP_MAX_AGE}{expected="yes"} == ${maxAgeHours * 3600})
unless on (cluster) ${SUCCEEDED}`,
      forSeconds: maxAgeHours * 3600,
      summary:
        "No good backup of {{ $labels.cluster }} has been heard of for {{ $value | humanizeDuration }}",
      description:
        "Backups are declared. None has succeeded, or Prometheus does not get what the servers' node_exporter tells of them.",
    },
    {
      name: "RedisBackupFailed",
      severity: "warning",
      // Without a good one yet, against nought.
      expr: `${FAILED} > (${SUCCEEDED} or ${FAILED} * 0)`,
      forSeconds: 0,
      summary: "The last backup of {{ $labels.cluster }} that its servers' timer began has failed",
      description: "The journal of redis-cluster-kit-backup.service on the server says why, and what to do.",
    },
  ];
}
