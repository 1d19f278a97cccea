/** The backup timer of a server: the program that it runs, its settings, its units. Plain values in, text out. */
import { fill, read, script, shellQuote } from "./scripts";

/** What a server's timer is made of. None of it is secret. */
export interface BackupPlan {
  readonly cluster: string;
  /** This server's node. */
  readonly node: string;
  /** All of the cluster, as they reach each other. The first whose Redis serves takes the backups. */
  readonly nodes: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly replicasPerShard: number;
  /** A folder of the server, or s3://bucket/prefix. */
  readonly place: string;
  /** Of S3, where the address does not name it. Default: the AWS CLI's own. */
  readonly region?: string;
  /** systemd's OnCalendar. */
  readonly schedule: string;
  readonly retention: { readonly daily: number; readonly weekly: number; readonly monthly: number };
  /** Of the kit. */
  readonly kitVersion: string;
}

/** Parts of the program in their order. */
const PARTS = ["begin", "cluster", "snapshot", "manifest", "place", "main"] as const;

/** The program that takes a backup. One file of plain sh; the last line is the call, so half of it does nothing. */
export function backupProgram(): string {
  const parts = PARTS.map((part) => read(`server/backup/${part}.sh`).trimEnd());
  return [...parts, "main"].join("\n\n");
}

/** What the program is told: a file of assignments in sh. `more` is for trying it. */
export function backupSettings(plan: BackupPlan, more: Readonly<Record<string, string>> = {}): string {
  const { daily, weekly, monthly } = plan.retention;
  const [to, options] = s3Options(plan);
  const settings = {
    CLUSTER: plan.cluster,
    NODE: plan.node,
    NODES: plan.nodes.map(({ name, host, port }) => `${name} ${host} ${port}`).join("\n"),
    REPLICAS: String(plan.replicasPerShard),
    TO: to,
    S3_OPTIONS: options,
    DAILY: String(daily),
    WEEKLY: String(weekly),
    MONTHLY: String(monthly),
    KIT_VERSION: plan.kitVersion,
    ...more,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${shellQuote(value)}`)
    .join("\n");
}

/** As backup/s3-place.ts reads the address: encrypted in any case, `?region=`, `?sse=aws:kms&kms-key=ID`. */
function s3Options({ place, region: usual }: BackupPlan): readonly [string, string] {
  if (!place.startsWith("s3://")) return [place, ""];
  const { searchParams: query } = new URL(place);
  const [region, key] = [query.get("region") ?? usual, query.get("kms-key")];
  const options = [
    ...(region === undefined ? [] : ["--region", region]),
    "--sse",
    query.get("sse") ?? "AES256",
    ...(key === null ? [] : ["--sse-kms-key-id", key]),
  ];
  return [place.replace(/\?.*/, "").replace(/\/+$/, ""), options.join(" ")];
}

/** The systemd unit that takes one backup. */
export function backupUnit({ cluster, node, place }: Pick<BackupPlan, "cluster" | "node" | "place">): string {
  const isFolder = place.startsWith("/");
  return fill(read("server/backup.service.tmpl"), {
    cluster,
    node,
    // A share that is not mounted must not be taken for an empty folder.
    mounts: isFolder ? `RequiresMountsFor="${place}"` : "# S3 needs no mount.",
    writable: isFolder ? `ReadWritePaths="${place}"` : "# S3 needs no folder here.",
    // A place there must be seen.
    home: /^\/(home|root)(\/|$)/.test(place) ? "read-only" : "yes",
  }).trimEnd();
}

export function backupTimer({ cluster, schedule }: Pick<BackupPlan, "cluster" | "schedule">): string {
  return fill(read("server/backup.timer.tmpl"), { cluster, schedule }).trimEnd();
}

/** Puts the timer on a server and starts it. The password is in the text. */
export function backupScript(plan: BackupPlan, password: string): string {
  const variables = {
    CLUSTER: plan.cluster,
    NODE: plan.node,
    PLACE: plan.place,
    SCHEDULE: plan.schedule,
    PROGRAM_FILE: backupProgram(),
    SETTINGS_FILE: backupSettings(plan),
    PASSWORD_FILE: password,
    SERVICE_FILE: backupUnit(plan),
    TIMER_FILE: backupTimer(plan),
  };
  return script(variables, read("server/backup.sh"));
}
