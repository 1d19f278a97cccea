/** The `backup` and `restore` keys of a stack: where backups go and how many are kept; what a new cluster begins with. */
import { z } from "zod";
import type { BackupConfig } from "./backup-types";
import { type BadPart, type FieldMeta, fieldMeta, type PartMeta } from "./field-meta";

export type { BackupConfig } from "./backup-types";

export const BACKUP_DEFAULTS = {
  schedule: "daily",
  retention: "daily=7,weekly=4,monthly=12",
} as const;

/** An absolute path or an S3 address; neither with spaces at its ends, line ends or quotes: it lands in a systemd unit. */
const PLACE =
  /^(\/[^\p{Cc}"'%$\\]*[^\p{Cc}"'%$\\/ ]|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^\s\p{Cc}"'%$\\]*)?)$/u;
const SCHEDULE = /^[A-Za-z0-9*:.,/~ -]{1,100}$/;
const RETENTION = /^(daily|weekly|monthly)=\d{1,4}(,(daily|weekly|monthly)=\d{1,4}){0,2}$/;

export const backupSchema = z.strictObject({
  to: z.string().regex(PLACE),
  schedule: z.string().regex(SCHEDULE).default(BACKUP_DEFAULTS.schedule),
  retention: z.string().regex(RETENTION).default(BACKUP_DEFAULTS.retention),
});

export type BackupValues = z.output<typeof backupSchema>;

export const BACKUP_PARTS: Readonly<Record<keyof BackupValues, PartMeta>> = {
  to: {
    what: "Where backups go, and where `status` looks for the last one. A path is of this machine on target local, of the servers on ssh and aws.",
    expected: "an absolute path, or s3://bucket/prefix",
  },
  schedule: {
    what: "When servers (ssh, aws) take one, in their time zone. Nothing takes one by itself on target local.",
    expected: 'a systemd calendar time, e.g. daily or "*-*-* 03:15:00"',
  },
  retention: {
    what: "Newest of so many days, weeks and months that are kept. Servers delete nothing in S3: that is the bucket's lifecycle rule.",
    expected: "e.g. daily=7,weekly=4,monthly=12",
  },
};

function badPart(value: unknown): BadPart | undefined {
  const issue = backupSchema.safeParse(value).error?.issues[0];
  if (issue === undefined || typeof value !== "object" || value === null) return undefined;
  const key = issue.code === "unrecognized_keys" ? issue.keys[0] : issue.path[0];
  if (typeof key !== "string") return undefined;
  const known: Readonly<Record<string, PartMeta>> = BACKUP_PARTS;
  const expected = known[key]?.expected ?? `one of the keys ${Object.keys(known).join(", ")}`;
  return { path: key, expected, found: Reflect.get(value, key) };
}

const backupMeta: FieldMeta = {
  kind: "record",
  expected: "to, schedule, retention",
  cure: "pulumi config set --path backup.to /var/backups/redis, or a mapping under backup: in the stack file",
  change: "the timers of servers follow; Redis is not touched, backups stay where they are",
  computedDefault: "none",
  badPart,
};

const backup = backupSchema
  .optional()
  .describe(
    "Where backups go, when servers take them, and how many are kept. Its keys are in docs/configuration.md, how to use them in docs/backups.md.",
  )
  .register(fieldMeta, backupMeta);

const restore = z
  .string()
  .regex(PLACE)
  .optional()
  .describe(
    "A backup that a new cluster begins with: its folder, or `s3://bucket/prefix/NAME`. Any number of shards, the same Redis line or a newer one.",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: "an absolute path, or s3://bucket/prefix/NAME",
    cure: "pulumi config rm restore",
    change: "refused while the cluster has keys; remove it once the cluster is there",
    computedDefault: "none: a new cluster is empty",
  });

/** Keys of a stack, by name. */
export const backupKeys = { backup, restore };

export function backupConfig({ to, schedule, retention }: BackupValues): BackupConfig {
  const counts = { daily: 0, weekly: 0, monthly: 0 };
  for (const [, period, count] of retention.matchAll(/(daily|weekly|monthly)=(\d+)/g))
    counts[period as keyof typeof counts] = Number(count);
  return { to, schedule, retention: counts };
}
