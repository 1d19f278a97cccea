/** What nodes do at this moment: counters that are read again and again, over connections that stay open. */
import { type EngineOptions, openSessions } from "./engine";
import { infoNumber, parseInfo } from "./parse";
import type { ClusterSpec, NodeSpec } from "./spec";

/** Counters of one node since its start. */
export interface Counters {
  /** On the reader's clock, in ms. */
  readonly atMs: number;
  readonly commands: number;
  /** User and system time of the process, in seconds. */
  readonly cpuSeconds: number;
  readonly clients: number;
}

/** What happened between two readings of one node. */
export interface Pulse {
  readonly requestsPerSecond: number;
  /** Share of one core. */
  readonly cpu: number;
  readonly clients: number;
}

export interface PulseReader {
  /** By node name. Nodes that do not answer are left out; so is, at first, everything: a rate needs two readings. */
  read(): Promise<ReadonlyMap<string, Pulse>>;
  close(): void;
}

/** The way to the nodes. */
export type PulseOptions = Pick<EngineOptions, "hosts" | "connector">;

const REPLY_MS = 3_000;

export function openPulse(
  spec: ClusterSpec,
  options: PulseOptions,
  now: () => number = () => performance.now(),
): PulseReader {
  const sessions = openSessions(spec, options, "redis-cluster-kit:watch", REPLY_MS);
  let before = new Map<string, Counters>();
  const countersOf = async (node: NodeSpec) => {
    const text = await sessions.withClient(node, (client) => client.call("INFO"));
    return [node.name, readCounters(String(text), now())] as const;
  };
  return {
    read: async () => {
      const answers = await Promise.allSettled(spec.nodes.map(countersOf));
      const after = new Map(
        answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : [])),
      );
      const pulses = [...after].flatMap(([name, counters]) => {
        const earlier = before.get(name);
        const pulse = earlier === undefined ? undefined : pulseOf(earlier, counters);
        return pulse === undefined ? [] : [[name, pulse] as const];
      });
      before = after;
      return new Map(pulses);
    },
    close: () => sessions.close(),
  };
}

/** Counters in INFO's text. @throws ReplyFormatError where a field is missing. */
export function readCounters(text: string, atMs: number): Counters {
  const info = parseInfo(text);
  return {
    atMs,
    commands: infoNumber(info, "total_commands_processed"),
    cpuSeconds: infoNumber(info, "used_cpu_sys") + infoNumber(info, "used_cpu_user"),
    clients: infoNumber(info, "connected_clients"),
  };
}

/** `undefined` where the node was restarted in between. */
export function pulseOf(before: Counters, after: Counters): Pulse | undefined {
  const seconds = (after.atMs - before.atMs) / 1000;
  const commands = after.commands - before.commands;
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  if (seconds <= 0 || commands < 0 || cpuSeconds < 0) return undefined;
  return { requestsPerSecond: commands / seconds, cpu: cpuSeconds / seconds, clients: after.clients };
}
