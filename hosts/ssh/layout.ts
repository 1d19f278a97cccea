/** What provisioning puts on a server and this host works with. The same names are in templates/server. */

export const UNIT = "redis-cluster-kit.service";
export const REDIS_CONF = "/etc/redis/redis.conf";
/** One folder a version, and `current`, a link to the one that the next start runs. */
export const PROGRAMS = "/opt/redis-cluster-kit";
/** In the data folder: the version that last ran on the data. */
export const VERSION_NOTE = "redis.version";
/** Which node of which cluster the server is. */
export const NODE_NOTE = "/etc/redis-cluster-kit/node";
export const DATA_DIRECTORY = "/var/lib/redis";
/** Timer and service of backups, without their endings. */
export const BACKUP = "redis-cluster-kit-backup";
