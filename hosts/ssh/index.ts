export { AccessError, UnreachableServerError } from "./errors";
export { fingerprint, keyLine, keyName } from "./host-keys";
export { createSshHosts } from "./ssh-host";
export type { SshAccess, SshAddress, SshBounds, SshHostOptions, SshHosts, SshServer } from "./types";
