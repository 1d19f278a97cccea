/** A primary claims slots: the higher config epoch wins (Redis's clusterUpdateSlotsConfigWith). */
import type { Peer } from "../peer";
import type { Server } from "../server";
import type { FrozenSlots } from "../slot-set";

export function updateSlotsWith(server: Server, claimant: Peer, epoch: number, claimed: FrozenSlots): void {
  const { cluster, db, release } = server;
  const { myself } = cluster;
  if (claimant === myself) return;
  const ownPrimary = myself.isPrimary ? myself : myself.primary;
  const lostWithKeys: number[] = [];
  let takenFromUs = 0;
  for (const slot of claimant.slots.missingOf(claimed)) {
    const owner = cluster.owners[slot];
    if (cluster.importing.has(slot) || (owner && owner.configEpoch >= epoch)) continue;
    if (owner === myself && db.countInSlot(slot) > 0) lostWithKeys.push(slot);
    if (owner && owner === ownPrimary) takenFromUs += 1;
    cluster.deleteSlot(slot);
    cluster.addSlot(claimant, slot);
    server.todo.save = server.todo.update = true;
  }
  const follows =
    !release.migrationSwitch ||
    server.config.flag("cluster-allow-replica-migration") ||
    claimed.count === takenFromUs;
  if (takenFromUs > 0 && ownPrimary?.slots.count === 0 && follows) {
    server.followPrimary(claimant);
  } else if (release.strictSetslot && myself.primary?.primary) {
    server.followPrimary(myself.primary.primary);
  } else {
    // The node stays what it is, and keys of slots that are no longer its own would be found by nobody.
    for (const slot of lostWithKeys) server.deleteKeysInSlot(slot);
  }
}
