/** Everything that the acts of a drill work with. */
import type { Connector, NodeClient } from "../client";
import { type Clock, systemClock } from "../clock";
import { ioredisConnector } from "../connection";
import { takeLock } from "../lock";
import type { Sessions } from "../sessions";
import type { ClusterSpec, NodeSpec } from "../spec";
import type { StepContext } from "../steps/context";
import { tagsWithin } from "./keys";
import { Probe } from "./probe";
import { Recorder } from "./recorder";
import type { Scene } from "./scene";
import type { DrillOptions, DrillRequest } from "./types";
import { type Sight, Watch } from "./watch";

export const DEFAULT_RATE_PER_SECOND = 400;

/** The patience of the probe and of the watch, in ms: a client that waits longer would hide the end of a gap. */
const CONNECT_TIMEOUT_MS = 500;
const REPLY_TIMEOUT_MS = 1000;

/** Who this run is, for the lock and for the probe's keys. */
export interface Identity {
  readonly holder: string;
  readonly runId: string;
}

export interface Stage {
  readonly spec: ClusterSpec;
  readonly request: DrillRequest;
  readonly options: DrillOptions;
  readonly identity: Identity;
  readonly scene: Scene;
  readonly clock: Clock;
  readonly context: StepContext;
  readonly record: Recorder;
  readonly probe: Probe;
  readonly watch: Watch;
}

export function connectorOf({ connector, hosts }: DrillOptions): (node: NodeSpec) => Connector {
  return (node) => {
    if (connector) return connector;
    const host = hosts(node);
    return ioredisConnector(host.dial?.bind(host));
  };
}

export function setStage(
  spec: ClusterSpec,
  request: DrillRequest,
  options: DrillOptions,
  identity: Identity,
  scene: Scene,
  sessions: Sessions,
): Stage {
  const clock = options.clock ?? systemClock;
  const record = new Recorder(clock, options.onEvent);
  const context: StepContext = {
    spec,
    sessions,
    clock,
    hostOf: options.hosts,
    signal: options.signal,
    detail: () => undefined,
    warn: () => undefined,
    lock: (nodes) => takeLock(nodes, sessions),
  };
  const connect = connectWith(spec, options);
  const probe = newProbe(request, identity, scene, record, connect, clock);
  const watch = newWatch(scene, record, connect, clock);
  return { spec, request, options, identity, scene, clock, context, record, probe, watch };
}

type Connect = (node: NodeSpec) => Promise<NodeClient>;

function connectWith(spec: ClusterSpec, options: DrillOptions): Connect {
  const passwords = [spec.password, ...spec.previousPasswords];
  const connector = connectorOf(options);
  return (node) =>
    connector(node).connect(node, passwords, {
      clientName: "redis-cluster-kit:drill",
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      replyTimeoutMs: REPLY_TIMEOUT_MS,
    });
}

function newProbe(
  request: DrillRequest,
  { runId }: Identity,
  { primary, replicas, shown }: Scene,
  record: Recorder,
  connect: Connect,
  clock: Clock,
): Probe {
  return new Probe({
    runId,
    members: [primary, ...replicas],
    tags: tagsWithin(shown.slots),
    ratePerSecond: request.ratePerSecond ?? DEFAULT_RATE_PER_SECOND,
    connect,
    clock,
    onAck: (node) => {
      if (node === primary.name || record.timeOf("serving") !== undefined) return;
      record.add("serving", `${node} acknowledges a write`);
    },
  });
}

function newWatch(
  { primary, primaryId, replicas, witnesses }: Scene,
  record: Recorder,
  connect: Connect,
  clock: Clock,
): Watch {
  const onSight = (sight: Sight) => record.add(sight.kind, sightText(sight, primary.name));
  return new Watch({ replicas, witnesses, primaryId, connect, clock, onSight });
}

function sightText({ kind, node }: Sight, primary: string): string {
  switch (kind) {
    case "suspected":
      return `${node} misses ${primary}`;
    case "failed":
      return `the majority holds ${primary} for dead`;
    case "elected":
      return `${node} has taken the slots`;
    default:
      return unknownSight(kind);
  }
}

function unknownSight(kind: never): never {
  throw new Error(`unknown sight: ${String(kind)}`);
}
