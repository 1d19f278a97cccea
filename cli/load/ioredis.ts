/** ioredis as an application uses it: one client, SET and GET of a key by turns, as many under way as asked for. */
import Redis, { Cluster } from "ioredis";
import { LoadFailedError } from "../errors";
import { type Driver, KEY_LIFE_SECONDS, KEYS_PER_NODE, type Loaded, type Measured, VALUE } from "./types";

/** Whether anything answers at all. */
const CONNECT_MS = 10_000;

/** `prefix` ends with a colon. */
export function ioredisDriver(prefix: string): Driver {
  return {
    name: "ioredis GET+SET",
    ready: async (loaded, { seconds, clients }, signal) => {
      const client = open(loaded);
      // Told by the requests that fail; without a listener ioredis prints it.
      client.on("error", () => undefined);
      const close = () => client.disconnect();
      try {
        await client.ping();
      } catch (error) {
        close();
        throw error;
      }
      return { drive: () => drive(client, { prefix, seconds, clients, signal }), close };
    },
  };
}

function open({ spec, isCluster }: Loaded): Redis | Cluster {
  const login = {
    ...(spec.password === "" ? {} : { password: spec.password }),
    connectTimeout: CONNECT_MS,
    disableClientInfo: true,
  };
  const entrances = spec.nodes.map(({ host, port }) => ({ host, port }));
  if (isCluster) return new Cluster(entrances, { redisOptions: login });
  return new Redis({ ...entrances[0], ...login, maxRetriesPerRequest: 1 });
}

interface Work {
  readonly prefix: string;
  readonly seconds: number;
  readonly clients: number;
  readonly signal: AbortSignal;
}

async function drive(client: Redis | Cluster, { prefix, seconds, clients, signal }: Work): Promise<Measured> {
  const begun = performance.now();
  const untilMs = begun + seconds * 1000;
  const latencies: number[] = [];
  const failures: unknown[] = [];
  // One count for all: a GET is of the key that the SET before it wrote. Both go over one connection and arrive in that order.
  let turns = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < untilMs && !signal.aborted) {
      const turn = turns++;
      const sent = performance.now();
      const key = `${prefix}${Math.floor(turn / 2) % KEYS_PER_NODE}`;
      try {
        await (turn % 2 === 0 ? client.set(key, VALUE, "EX", KEY_LIFE_SECONDS) : client.get(key));
        latencies.push(performance.now() - sent);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, worker));
  const elapsedMs = performance.now() - begun;
  signal.throwIfAborted();
  if (failures.length > 0)
    throw new LoadFailedError(
      `${failures.length} of ${failures.length + latencies.length} operations of ioredis failed, the last: ${String(failures.at(-1))}`,
    );
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN;
  return { requestsPerSecond: (latencies.length * 1000) / elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
}
