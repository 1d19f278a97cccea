/** Whether the cluster serves requests, as one node sees it: Redis's clusterUpdateState. */
import { SLOT_COUNT } from "../../../cluster/spec";
import { Flag } from "./peer";
import type { Server } from "./server";

/** A primary that has just started waits this long, so that the others can tell it what it missed. */
const WRITABLE_DELAY_MS = 2000;

export function updateClusterState(server: Server): void {
  const { cluster, config } = server;
  const { myself } = cluster;
  const now = server.now();
  cluster.firstUpdateMs ??= now;
  if (myself.isPrimary && !cluster.ok && now - cluster.firstUpdateMs < WRITABLE_DELAY_MS) return;
  let ok = !config.flag("cluster-require-full-coverage") || cluster.assigned === SLOT_COUNT;
  let reachable = 0;
  cluster.size = 0;
  for (const peer of cluster.nodes.values()) {
    if (peer.slots.count === 0) continue;
    if (peer.failed && config.flag("cluster-require-full-coverage")) ok = false;
    if (!peer.isPrimary) continue;
    cluster.size += 1;
    if (!peer.has(Flag.fail | Flag.pfail)) reachable += 1;
  }
  if (reachable < cluster.quorum()) {
    ok = false;
    cluster.minorityMs = now;
  }
  if (ok === cluster.ok) return;
  const rejoinMs = Math.min(Math.max(server.nodeTimeoutMs, 500), 5000);
  if (ok && myself.isPrimary && now - cluster.minorityMs < rejoinMs) return;
  cluster.ok = ok;
}
