/** What the scripts say, read into facts. */
import type { DataState, HostFacts, ProcessState } from "../host";
import { UNIT } from "./layout";

export type Lines = ReadonlyMap<string, string>;

/** Lines "key=value"; the first of a key counts, but of listeners all are kept, one a line. */
export function parseLines(text: string): Lines {
  const lines = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at <= 0) continue;
    const [key, value] = [line.slice(0, at), line.slice(at + 1).trim()];
    const before = lines.get(key);
    if (before === undefined) lines.set(key, value);
    else if (key === "listener") lines.set(key, `${before}\n${value}`);
  }
  return lines;
}

export interface UnitState {
  readonly process: ProcessState;
  readonly pid?: number;
  readonly detail?: string;
}

/**
 * From `systemctl show`. "stopped" only where systemd says that nothing of the unit runs, nor is about to: a unit that it
 * starts again by itself, or one it does not answer about, is unknown.
 */
export function unitState(lines: Lines): UnitState {
  const [active, sub, load] = ["ActiveState", "SubState", "LoadState"].map((key) => lines.get(key));
  const pid = Number(lines.get("MainPID") ?? Number.NaN);
  if (active === undefined || !Number.isInteger(pid))
    return { process: "unknown", detail: "systemd did not answer" };
  if (pid > 0) return { process: "running", pid };
  if (active === "inactive" || active === "failed") {
    if (Number(lines.get("ControlPID") ?? 0) > 0)
      return { process: "unknown", detail: `${UNIT} is ${active}, and a helper of it runs` };
    return { process: "stopped" };
  }
  if (sub === "auto-restart")
    return {
      process: "unknown",
      detail: `${UNIT} ends again and again (${lines.get("Result") ?? "unknown"}) and systemd starts it anew: journalctl -u ${UNIT}`,
    };
  return {
    process: "unknown",
    detail: `${UNIT} is ${active} (${sub ?? "?"}, ${load ?? "?"}) without a process`,
  };
}

export interface Listener {
  readonly port: number;
  readonly description: string;
}

/** Who listens, from `ss -Hltnp` lines with the port in front. The program is named, its arguments are not. */
export function parseListeners(text: string | undefined): Listener[] {
  return (text ?? "").split("\n").flatMap((line) => {
    const match = /^(\d+) (.*)$/.exec(line.trim());
    if (!match) return [];
    const [, port = "", rest = ""] = match;
    const [, program = "", pid = ""] = /users:\(\("([^"]*)",pid=(\d+)/.exec(rest) ?? [];
    const description = pid === "" ? "a program that the server does not name" : `${program} (pid ${pid})`;
    return [{ port: Number(port), description }];
  });
}

export interface FactsOptions {
  /** Whether provisioning had its turn: then what is not installed is not there. */
  readonly expectInstalled: boolean;
}

export function factsFrom(text: string, { expectInstalled }: FactsOptions): HostFacts {
  const lines = parseLines(text);
  const { process, pid, detail } = unitState(lines);
  const [holder] = process === "stopped" ? parseListeners(lines.get("listener")) : [];
  const installed = lines.get("declared") ?? (expectInstalled ? lines.get("current") : undefined);
  const data = dataState(lines.get("data"));
  const ran = lines.get("ran");
  const conf = lines.get("conf");
  return {
    process,
    data,
    ...(pid === undefined ? {} : { pid }),
    ...(isVersion(installed) ? { installedVersion: installed } : {}),
    ...(isVersion(ran) && data === "present" ? { dataVersion: ran } : {}),
    ...(conf !== undefined && /^[0-9a-f]{64}$/.test(conf) ? { configSha256: conf } : {}),
    ...(holder === undefined ? {} : { portHolder: holder }),
    ...(detail === undefined ? {} : { detail }),
  };
}

function dataState(text: string | undefined): DataState {
  return text === "empty" || text === "present" ? text : "unknown";
}

function isVersion(text: string | undefined): text is string {
  return text !== undefined && /^\d+\.\d+\.\d+$/.test(text);
}
