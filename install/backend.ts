import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { readJson } from "./cache";
import { processName } from "./lock";

/*
 * What Pulumi's file backend keeps on disk, read directly: asking `pulumi` costs 0.1 to 0.3 s per question, and every `up`
 * has two of them (is somebody at it? did the last run die?). Layout: pkg/backend/diy in pulumi/pulumi.
 */

/** One update that runs, or ran and was killed: `.pulumi/locks/organization/PROJECT/STACK/ID.json`. */
export interface StackLock {
  file: string;
  pid: number;
  host: string;
  user: string;
  /** ISO time. */
  since: string;
  /** True when its process certainly no longer runs. */
  dead: boolean;
}

/** An operation that was under way when the engine was killed. */
export interface PendingOperation {
  /** "creating", "updating", "deleting", "reading", "importing". */
  type: string;
  urn: string;
  /** Type token of the resource: "redis-cluster-kit:index:Topology". */
  resourceType: string;
}

/** What the state file of a stack tells. */
export interface StackState {
  /** Resources, the stack itself included; 0 after a destroy. */
  resourceCount: number;
  pending: PendingOperation[];
}

const lockSchema = z.object({
  pid: z.number(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.string(),
});

const operationSchema = z.object({
  type: z.string(),
  resource: z.object({ urn: z.string(), type: z.string() }),
});

const latestSchema = z.object({
  resources: z.array(z.unknown()).nullish(),
  pending_operations: z.array(operationSchema).nullish(),
});

const checkpointSchema = z.object({ checkpoint: z.object({ latest: latestSchema.nullish() }) });
const workspaceSchema = z.object({ stack: z.string().optional() });

/** Folder of a `file://` backend; undefined for any other (a bucket, Pulumi Cloud), which only `pulumi` can ask. */
export function fileBackend(env: NodeJS.ProcessEnv): string | undefined {
  const url = env.PULUMI_BACKEND_URL;
  return url?.startsWith("file:///") ? url.slice("file://".length) : undefined;
}

/** Reads the state of a stack; undefined when there is no such stack. */
export function readStackState(backend: string, project: string, stack: string): StackState | undefined {
  const file = join(backend, ".pulumi", "stacks", project, `${stack}.json`);
  const text = readOptional(file)?.toString() ?? unzipped(readOptional(`${file}.gz`));
  if (text === undefined) return undefined;
  const latest = checkpointSchema.parse(JSON.parse(text)).checkpoint.latest;
  const pending = (latest?.pending_operations ?? []).map(({ type, resource }) => ({
    type,
    urn: resource.urn,
    resourceType: resource.type,
  }));
  return { resourceCount: latest?.resources?.length ?? 0, pending };
}

function readOptional(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function unzipped(data: Buffer | undefined): string | undefined {
  return data === undefined ? undefined : gunzipSync(data).toString();
}

/** The locks on a stack, dead and alive. Unreadable ones (being written or removed just now) are left out. */
export function readStackLocks(backend: string, project: string, stack: string): StackLock[] {
  const folder = join(backend, ".pulumi", "locks", "organization", project, stack);
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    const file = join(folder, name);
    const lock = readJson(file, lockSchema);
    if (lock === undefined) return [];
    const { pid, hostname: host, username: user, timestamp: since } = lock;
    return [{ file, pid, host, user, since, dead: isDeadEngine(pid, host) }];
  });
}

/** A process id is used again sooner or later, so the process must also be a Pulumi. */
function isDeadEngine(pid: number, host: string): boolean {
  if (host !== hostname()) return false;
  const name = processName(pid);
  return name === undefined || (name !== "?" && !name.includes("pulumi"));
}

/**
 * Removes the locks of dead engines, and only those: `pulumi cancel` would also remove the lock of a run that has
 * started since we looked.
 */
export function removeDeadLocks(locks: readonly StackLock[]): void {
  for (const { file } of locks.filter((lock) => lock.dead)) {
    rmSync(file, { force: true });
    rmSync(`${file}.attrs`, { force: true });
  }
}

/** Short name of the stack that `pulumi stack select` chose for a project file; undefined if none or not known. */
export function selectedStack(pulumiHome: string, project: string, projectFile: string): string | undefined {
  const id = createHash("sha1").update(projectFile).digest("hex");
  const file = join(pulumiHome, "workspaces", `${project}-${id}-workspace.json`);
  return readJson(file, workspaceSchema)?.stack?.split("/").pop();
}
