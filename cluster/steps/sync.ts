/** Waits until a replica has what its primary has. */
import { WaitError } from "../errors";
import { infoNumber, infoReplicas, type ListedReplica, parseInfo } from "../parse";
import { addressOf, type NodeSpec } from "../spec";
import { waitUntil } from "../wait";
import { BOUNDS, call, type StepContext, specOf } from "./context";

type Info = ReadonlyMap<string, string>;

/**
 * Waits until the replica's link is up, its offset has reached what the primary's was at that moment, and the primary
 * lists it as online. A full copy (always with the append-only file on 5.0 to 7.0) takes as long as it takes: the wait
 * ends with an error when nothing moves for `stallMs`, not before.
 * @returns name of the primary.
 * @throws WaitError with what was seen last.
 */
export async function waitInSync(
  name: string,
  context: StepContext,
  bounds: { readonly stallMs?: number } = {},
): Promise<string> {
  const stallMs = bounds.stallMs ?? BOUNDS.stallMs;
  const replica = specOf(context, name);
  const what = `${name} to be in sync`;
  const began = context.clock.now();
  let mark = "";
  let movedAt = began;
  let target: { primary: string; runId: string; offset: number } | undefined;
  let primaryName = "";
  await waitUntil(
    async () => {
      const look = await lookAt(replica, context);
      primaryName = look.primary?.name ?? "";
      if (look.linkUp && look.primary && target?.runId !== look.primary.runId)
        target = { primary: look.primary.name, runId: look.primary.runId, offset: look.primary.offset };
      const seen = problemOf(name, look, target?.offset);
      if (seen === undefined) return true;
      context.detail(seen);
      const now = context.clock.now();
      if (look.mark !== mark) [mark, movedAt] = [look.mark, now];
      if (now - movedAt >= stallMs) throw new WaitError(what, now - began, seen);
      return seen;
    },
    { ...context, timeoutMs: BOUNDS.syncMs, what },
  );
  return primaryName;
}

/** One look at both ends of a link. */
interface Look {
  readonly linkUp: boolean;
  /** What the replica says where the link is not up. */
  readonly text: string;
  readonly offset: number;
  readonly primary?: {
    readonly name: string;
    readonly runId: string;
    readonly offset: number;
    readonly listed: ListedReplica | undefined;
  };
  /** Changes whenever anything gets on: bytes copied or loaded, offset, progress of the primary's snapshot. */
  readonly mark: string;
}

async function lookAt(replica: NodeSpec, context: StepContext): Promise<Look> {
  const info = await infoOf(replica.name, context);
  if (typeof info === "string") return { linkUp: false, text: info, offset: 0, mark: info };
  const primarySpec = primaryOf(info, context);
  const primary = primarySpec ? await infoOf(primarySpec.name, context) : "";
  const base = {
    linkUp: info.get("master_link_status") === "up" && info.get("master_sync_in_progress") === "0",
    text: linkText(replica.name, info),
    offset: infoNumber(info, "slave_repl_offset"),
  };
  const own = pick(info, ["role", "master_link_status", "master_sync_left_bytes", "loading_loaded_bytes"]);
  if (primarySpec === undefined || typeof primary === "string")
    return { ...base, linkUp: false, mark: `${own} ${typeof primary === "string" ? primary : ""}` };
  const listed = listedAs(replica, infoReplicas(primary));
  return {
    ...base,
    primary: {
      name: primarySpec.name,
      runId: primary.get("run_id") ?? "",
      offset: infoNumber(primary, "master_repl_offset"),
      listed,
    },
    mark: `${own} ${base.offset} ${listed?.state} ${pick(primary, ["rdb_current_bgsave_time_sec"])}`,
  };
}

function pick(info: Info, fields: readonly string[]): string {
  return fields.map((field) => info.get(field) ?? "-").join(" ");
}

/** INFO is answered while loading, too. An unreachable node is an observation here: it may be restarting. */
async function infoOf(name: string, context: StepContext): Promise<Info | string> {
  try {
    return parseInfo(String(await call(context, name, "INFO")));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function primaryOf(info: Info, context: StepContext): NodeSpec | undefined {
  const address = `${info.get("master_host")}:${info.get("master_port")}`;
  return [...context.spec.nodes, ...context.spec.leaving].find((node) => addressOf(node) === address);
}

/** By address, else by port alone: a primary sees the address that the replica's connection leaves from. */
function listedAs(replica: NodeSpec, listed: readonly ListedReplica[]): ListedReplica | undefined {
  return (
    listed.find((entry) => addressOf(entry) === addressOf(replica)) ??
    listed.find((entry) => entry.port === replica.port)
  );
}

function linkText(name: string, info: Info): string {
  if (info.get("role") !== "slave") return `${name} is still a primary`;
  if (info.get("loading") === "1")
    return `${name} is loading its data (${info.get("loading_loaded_perc")} %)`;
  if (info.get("master_sync_in_progress") === "1")
    return `${name} is copying from its primary, ${info.get("master_sync_left_bytes")} bytes left`;
  return `${name}'s link to its primary is ${info.get("master_link_status")}`;
}

function problemOf(name: string, look: Look, target: number | undefined): string | undefined {
  const { primary } = look;
  if (!look.linkUp || !primary || target === undefined) return look.text;
  if (look.offset < target) return `${name} is ${target - look.offset} bytes behind ${primary.name}`;
  if (primary.listed?.state !== "online")
    return `${primary.name} lists ${name} as ${primary.listed?.state ?? "absent"}`;
  return undefined;
}
