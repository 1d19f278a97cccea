/** What a server's backup timer runs, run here as a server of a declared cluster would. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { backupProgram, backupSettings } from "../../../templates/server/backup";
import type { DeclaredCluster } from "../../support/declared-cluster";
import { type RedisLine, redisBinaries } from "../../support/redis-binaries";
import type { Ended } from "./command";

export interface TimerOptions {
  readonly cluster: DeclaredCluster;
  readonly place: string;
  /** A folder for what the server would have in /etc and /var/lib. */
  readonly folder: string;
  readonly line?: RedisLine;
  /** Which node's server it is. Default: the first. */
  readonly node?: string;
  readonly retention?: { readonly daily: number; readonly weekly: number; readonly monthly: number };
  /** Further settings. */
  readonly more?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  /** A command before it, e.g. to run it as somebody else. */
  readonly wrapped?: readonly string[];
}

/** What monitoring and `status` read. */
export const stateOf = (folder: string) => join(folder, "state");

export async function startTimer(options: TimerOptions): Promise<ChildProcess> {
  const { cluster, place, folder, line = "5.0", more, env = {}, wrapped = [] } = options;
  const { spec } = cluster.target;
  const { server } = await redisBinaries(line);
  const own = mkdtempSync(join(folder, "timer-"));
  const state = stateOf(folder);
  mkdirSync(state, { recursive: true });
  const settings = backupSettings(
    {
      cluster: spec.name,
      node: options.node ?? spec.nodes[0]?.name ?? "",
      nodes: spec.nodes,
      replicasPerShard: spec.replicasPerShard,
      place,
      schedule: "daily",
      retention: options.retention ?? { daily: 7, weekly: 4, monthly: 12 },
      kitVersion: "0.0.0-test",
    },
    {
      PROGRAMS: dirname(server),
      STATE: state,
      PASSWORD_FILE: join(own, "password"),
      REDIS_CONF: join(own, "redis.conf"),
      SETTLE_TRIES: "3",
      ...more,
    },
  );
  const [file, program] = [join(own, "backup.conf"), join(own, "backup")];
  writeFileSync(file, settings);
  writeFileSync(join(own, "password"), spec.password);
  writeFileSync(join(own, "redis.conf"), cluster.declaration.files[options.node ?? "shard-1-a"] ?? "");
  writeFileSync(program, backupProgram(), { mode: 0o755 });
  const [command = "", ...args] = [...wrapped, program, file];
  return spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
}

export async function runTimer(options: TimerOptions): Promise<Ended> {
  const child = await startTimer(options);
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    err += String(chunk);
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, out, err };
}
