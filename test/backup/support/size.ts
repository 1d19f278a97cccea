/** How many keys the whole way is gone with, and how long that may take. */

const given = process.env.REDIS_CLUSTER_KIT_BACKUP_KEYS;

/** 300,000 in a full run, by the environment; what CI has time for otherwise. */
export const keysOr = (usual: number): number => (given === undefined ? usual : Number(given));

/** Bound on a test, in ms: what its tier has, and more for many keys. */
export const limitFor = (keys: number, tierMs = 240_000): number => tierMs + 2 * keys;
