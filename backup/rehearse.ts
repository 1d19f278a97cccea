/** Restores a backup into a cluster that was made for it, and compares everything: `backup verify --restore`. */
import { systemClock } from "../cluster/clock";
import { openSessions } from "../cluster/engine";
import type { ClusterSpec } from "../cluster/spec";
import type { RedisTools } from "./check-rdb";
import { DamagedBackupError } from "./errors";
import { type Proof, proveRestored } from "./prove";
import { type RestoreOptions, type RestoreReport, restoreBackup } from "./restore";
import { settled } from "./settled";
import { withGoodFiles } from "./verify";

export interface Rehearsal {
  readonly report: RestoreReport;
  readonly proof: Proof;
  /** How long the comparison of everything took, in ms. */
  readonly proveMs: number;
}

/** `spec`: an empty cluster whose servers allow DEBUG. @throws DamagedBackupError telling the first differences. */
export async function rehearse(
  spec: ClusterSpec,
  options: RestoreOptions & { readonly tools: RedisTools },
): Promise<Rehearsal> {
  const clock = options.clock ?? systemClock;
  const report = await restoreBackup(spec, options);
  const { place, id } = options;
  return withGoodFiles(place, id, {}, async (manifest, files) => {
    const sessions = openSessions(spec, options, "redis-cluster-kit:prove", 60_000);
    try {
      const { shards } = await settled({ ...options, spec, sessions, purpose: "take a restore" });
      const began = clock.now();
      const progress = options.progress;
      progress?.text(`comparing all ${manifest.keys} keys with what Redis itself loads from the files`);
      const proof = await proveRestored(files, {
        sessions,
        shards,
        tools: options.tools,
        signal: options.signal,
      });
      if (proof.differences.length > 0)
        throw new DamagedBackupError(
          `${place.url}/${id} does not come back as it is:\n${proof.differences.map((text) => `  ${text}`).join("\n")}`,
        );
      return { report, proof, proveMs: clock.now() - began };
    } finally {
      sessions.close();
    }
  });
}
