/** How far a backup or restore is, for people. */
export interface Progress {
  /** Something worth a line. */
  text(line: string): void;
  /** Begins a stage of `total` bytes; the result takes what was done of it. */
  meter(stage: string, totalBytes: number): (bytes: number) => void;
}
