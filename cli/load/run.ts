/** A measurement of a live cluster from beginning to end. Nothing of it is left in the cluster, whatever happens. */
import { randomBytes } from "node:crypto";
import { openSessions } from "../../cluster/engine";
import type { Sessions } from "../../cluster/sessions";
import type { NodeSpec } from "../../cluster/spec";
import type { Target } from "../declaration";
import type { LoadReport } from "../print/load";
import { count } from "../print/units";
import type { RedisTools } from "../redis-tools";
import { ioredisDriver } from "./ioredis";
import { measureLoad, thisMachine } from "./measure";
import { benchmarkDrivers, findBenchmark } from "./redis-benchmark";
import { startSingle } from "./single-server";
import { type BenchmarkLogin, KEY_LIFE_SECONDS, type Loaded, type LoadRow, type LoadSettings } from "./types";
import { admitUser, dismissUser, hasUsers, removeKeys, USER, userRules } from "./visitor";

const REPLY_MS = 10_000;
const KEY_LIFE_MINUTES = KEY_LIFE_SECONDS / 60;

export type LoadTarget = Pick<Target, "spec" | "kind" | "hosts" | "tools">;

export interface RunOptions {
  readonly settings: LoadSettings;
  /** Nodes that own slots now. */
  readonly primaries: readonly NodeSpec[];
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

interface Visit extends RunOptions {
  readonly target: LoadTarget;
  readonly tools: RedisTools;
  readonly sessions: Sessions;
  /** Of the run's keys. */
  readonly prefix: string;
}

/** @throws LoadFailedError, AbortError */
export async function runLoad(target: LoadTarget, options: RunOptions): Promise<LoadReport> {
  const before = thisMachine();
  const tools = await target.tools();
  const sessions = openSessions(target.spec, target, "redis-cluster-kit:load", REPLY_MS);
  const prefix = `redis-cluster-kit:load:${randomBytes(6).toString("hex")}:`;
  const visit: Visit = { ...options, target, tools, sessions, prefix };
  try {
    const login = await letIn(visit);
    const rows = await measureBoth(visit, login);
    const limits = [...limitsOf(visit, before), ...(login.kind === "none" ? [login.why] : [])];
    const cleaning = await leave(visit);
    return { cluster: target.spec.name, settings: options.settings, rows, limits, cleaning };
  } catch (error) {
    options.say(await leave(visit));
    throw error;
  } finally {
    sessions.close();
  }
}

/** One random password for the user in the cluster and on the single server: good for this run's keys, for its seconds. */
async function letIn({ target, sessions, primaries, prefix }: Visit): Promise<BenchmarkLogin> {
  const { password: own, version } = target.spec;
  if (own === "") return { kind: "open" };
  const reason = "redis-benchmark was left out: it takes a password only as an argument, which everybody on";
  if (!hasUsers(version))
    return {
      kind: "none",
      why: `${reason} this machine can read, and Redis ${version} has no second user that could be given one for a moment (6.0 has).`,
    };
  const password = randomBytes(24).toString("hex");
  const refused = await admitUser(primaries, sessions, userRules(prefix, password));
  return refused === undefined
    ? { kind: "user", name: USER, password }
    : { kind: "none", why: `${reason} this machine can read, and ${refused}.` };
}

async function measureBoth(visit: Visit, login: BenchmarkLogin): Promise<LoadRow[]> {
  const { target, tools, primaries, prefix, say } = visit;
  const { spec, hosts } = target;
  const benchmark =
    login.kind === "none" ? [] : benchmarkDrivers(await findBenchmark(tools.server, say), prefix);
  const [entrance] = primaries;
  if (entrance === undefined) throw new Error("a cluster without primaries");
  const cluster: Loaded = {
    label: spec.name,
    isCluster: true,
    spec,
    entrance,
    reach: { hosts },
    login,
  };
  const password = spec.password === "" ? "" : randomBytes(24).toString("hex");
  const single = await startSingle(tools, spec, { password, login, prefix });
  try {
    return await measureLoad([single, cluster], [...benchmark, ioredisDriver(prefix)], visit);
  } finally {
    await single.end();
  }
}

/** What became of the run's traces, in words. */
async function leave({ target, sessions, primaries, prefix }: Visit): Promise<string> {
  if (target.spec.password !== "" && hasUsers(target.spec.version)) await dismissUser(primaries, sessions);
  const { removed, unfinished } = await removeKeys(primaries, sessions, prefix);
  const done = `${count(removed)} keys of this run (${prefix}*) were removed again`;
  return unfinished.length === 0
    ? `${done}; no other was touched.`
    : `${done}; on ${unfinished.join(", ")} some may be left, which end by themselves within ${KEY_LIFE_MINUTES} minutes.`;
}

/** What the figures depend on besides the cluster. */
function limitsOf({ target, tools, primaries }: Visit, before: string): string[] {
  const here = `The clients ran on this machine: ${before} at the beginning, and ioredis uses one of its cores.`;
  switch (target.kind) {
    case "local":
      return [
        here,
        `All nodes and the single server share these cores; where every primary has a core of its own, the bound is ${primaries.length} times one server.`,
      ];
    case "ssh":
    case "aws":
      return [
        here,
        `The way to the cluster is in its figures; the single server (Redis ${tools.version}) ran on this machine, without a network between.`,
      ];
    default:
      return unknownTarget(target.kind);
  }
}

function unknownTarget(target: never): never {
  throw new Error(`unknown target: ${String(target)}`);
}
