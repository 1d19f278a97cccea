/** Of `backup`, apart from its schema: programs that use the package need no zod to be type-checked. */

/** What a checked configuration says. */
export interface BackupConfig {
  /** A folder, or s3://bucket/prefix. */
  readonly to: string;
  /** When, as systemd's OnCalendar has it. */
  readonly schedule: string;
  /** How many days, ISO weeks and months keep their newest backup. */
  readonly retention: { readonly daily: number; readonly weekly: number; readonly monthly: number };
}
