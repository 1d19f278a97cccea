import type { ProcessTable } from "./processes";
import { linuxProcesses } from "./processes-linux";
import { portableProcesses } from "./processes-portable";

/** The process table of the system that this runs on. */
export function systemProcesses(): ProcessTable {
  return process.platform === "linux" ? linuxProcesses : portableProcesses;
}
