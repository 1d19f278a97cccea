export type { ImpactLimits, MigrationImpact } from "./impact";
export { moveSlots } from "./move";
export { QUARANTINE_PREFIX } from "./quarantine";
export { planSlotRepair, type RepairAction, type SlotRefusal, type SlotRepair } from "./repair/decide";
export {
  diagnoseSlots,
  diagnoseTold,
  type SlotFinding,
  type SlotTrouble,
  type Teller,
} from "./repair/diagnose";
export type { RepairNode, SlotEvidence } from "./repair/evidence";
export { type RepairContext, type RepairedSlot, type RepairResult, repairSlots } from "./repair/repair";
export { findStrayKeys, type StrayKeys } from "./repair/strays";
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
