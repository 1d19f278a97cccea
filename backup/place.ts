/** Where backups are kept: one folder each, in a directory of this machine or under a prefix of an S3 bucket. */

/** A backup that is being taken. Nobody sees it before `commit` has returned. */
export interface Draft {
  /** Local folder that gets the shards' files, complete, before `commit`. */
  readonly folder: string;
  /** Makes the backup visible, whole. `files` are names within the folder. */
  commit(
    files: readonly string[],
    manifest: string,
    progress: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Deletes what there is of it. */
  discard(): Promise<void>;
}

/** A file of a backup on this machine. `release` deletes it where it is a copy. */
export interface Fetched {
  readonly path: string;
  release(): Promise<void>;
}

export interface Place {
  /** For people: the folder, or s3://bucket/prefix. */
  readonly url: string;
  /** Names of all whole backups, sorted. Damaged ones are among them: that is for `verify` to find out. */
  ids(): Promise<string[]>;
  /** Text of the manifest. */
  manifest(id: string): Promise<string>;
  /** @throws DamagedBackupError where it is missing. */
  fetch(id: string, file: string): Promise<Fetched>;
  /** @throws BackupRefusedError where the place cannot be written to. */
  draft(id: string): Promise<Draft>;
  /** Deletes a backup; from its first moment on it is not seen any more. */
  remove(id: string): Promise<void>;
  /** Deletes what killed runs for this cluster left, older than `olderThanMs`; tells what. */
  sweep(cluster: string, olderThanMs: number): Promise<string[]>;
  /** Bytes that can still be written; undefined where there is no limit. */
  free(): Promise<number | undefined>;
}

export interface PlaceOptions {
  /** Where files are put on their way to or from S3. Default: the system's temporary folder. */
  readonly spool?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** The place and name of one backup: `<place>/<id>`. */
export function splitBackupUrl(url: string): { readonly place: string; readonly id: string } {
  const trimmed = url.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  return slash < 0
    ? { place: ".", id: trimmed }
    : { place: trimmed.slice(0, slash) || "/", id: trimmed.slice(slash + 1) };
}
