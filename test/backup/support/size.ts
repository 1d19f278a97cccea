/** How many keys the whole way is gone with, and how long that may take. */

const given = process.env.REDIS_CLUSTER_KIT_BACKUP_KEYS;

/** 300,000 in a full run, by the environment; what CI has time for otherwise. */
export const keysOr = (usual: number): number => (given === undefined ? usual : Number(given));

/** Bound on a test, in ms: the tier's own and what so many keys take where everything is ten times as slow as it may be. */
export const limitFor = (keys: number): number => 240_000 + 2 * keys;
