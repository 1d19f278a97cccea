/** What several alerts say alike. */

/** A node, in a summary. */
export const NODE = "{{ $labels.node }} (shard {{ $labels.shard }}, zone {{ $labels.zone }})";

/** A server that turns connections away turns its exporter away, too: it is up. The texts of 5.0 and 7.0 both have this. */
export const REFUSED_EXPORTER = 'redis_exporter_last_scrape_error{err=~".*max number of clients.*"} == 1';

/** Nodes as they are declared, whatever is heard of them: what has vanished is missed by these (rules.ts). */
export const DECLARED = "redis_kit:node_declared";

/** How old the last good backup of a cluster may be, in seconds; `expected="yes"` where servers take them. */
export const BACKUP_MAX_AGE = "redis_kit:backup_max_age_seconds";

/** The same labels wherever rules sum. */
export const BY_NODE = "by (cluster, shard, node, zone)";
