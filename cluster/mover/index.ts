export type { ImpactLimits, MigrationImpact } from "./impact";
export { moveSlots } from "./move";
export { QUARANTINE_PREFIX } from "./quarantine";
export {
  type ClusterContext,
  type KeyConflict,
  type MoveContext,
  MoveError,
  type MoveErrorCode,
  type MoveNumbers,
  type MoveProgress,
  type MoveRequest,
  type MoveResult,
} from "./types";
