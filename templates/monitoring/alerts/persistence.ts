/** Disk and backups: whether the data would come back. */
import type { Alert } from "../types";
import { NODE } from "./labels";

const LAST = "redis_cluster_kit_backup_last";
const FAILED = `max by (cluster) (${LAST}_failure_timestamp_seconds)`;

export function persistenceAlerts(backupMaxAgeHours: number): Alert[] {
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
    {
      name: "RedisBackupTooOld",
      severity: "warning",
      expr: `time() - max by (cluster) (redis_cluster_kit_backup_last_success_timestamp_seconds) > ${backupMaxAgeHours} * 3600`,
      forSeconds: 300,
      summary: "The last good backup of {{ $labels.cluster }} is {{ $value | humanizeDuration }} old",
      description: "What was written since would be lost with the cluster.",
    },
    {
      name: "RedisBackupFailed",
      severity: "warning",
      // Without a good one yet, against nought.
      expr: `${FAILED} > (max by (cluster) (${LAST}_success_timestamp_seconds) or ${FAILED} * 0)`,
      forSeconds: 0,
      summary: "The last backup of {{ $labels.cluster }} that its servers' timer began has failed",
      description: "The journal of redis-cluster-kit-backup.service on the server says why, and what to do.",
    },
  ];
}
