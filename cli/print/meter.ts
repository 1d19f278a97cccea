/** Progress of backups and restores: a line a stage, and every few seconds how far it is. */
import type { Progress } from "../../backup/progress";
import type { World } from "../world";
import { bytes, duration } from "./units";

const EVERY_MS = 3_000;

export function meterLines({ say }: Pick<World, "say">): Progress {
  return {
    text: say,
    meter(stage, totalBytes) {
      const began = performance.now();
      let done = 0;
      let said = began;
      return (count) => {
        done += count;
        const now = performance.now();
        if (done >= totalBytes && done - count < totalBytes)
          say(`${stage}: ${bytes(totalBytes)} in ${duration(now - began)}`);
        else if (now - said >= EVERY_MS) {
          said = now;
          say(`${stage}: ${bytes(done)} of ${bytes(totalBytes)}`);
        }
      };
    },
  };
}
