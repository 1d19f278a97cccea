export { createLocalHost } from "./local-host";
export type { KnownNode, LocalExtras, LocalHost, LocalHostOptions, ResolvedServer } from "./types";
