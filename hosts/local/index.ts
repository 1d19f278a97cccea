export { type Companion, type CompanionState, type Companions, createCompanions } from "./companions";
export { createLocalHost } from "./local-host";
export type { KnownNode, LocalExtras, LocalHost, LocalHostOptions, ResolvedServer } from "./types";
