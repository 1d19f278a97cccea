/**
 * Known vulnerabilities and ends of life of the lines, as dated data. Sources: the release notes of 6.2 and 7.0, the
 * project's advisories, and the changelog of Debian's redis 7.0.15. Judged by version number alone: a distribution's
 * build may carry fixes that its number does not show.
 */
import { type Line, lineOf } from "./directives";

/** Date of the newest entry. */
export const ADVISORIES_AS_OF = "2026-09-24";

/** "unfixed": every release of the line has it. A line that is missing is not affected, or not known to be. */
export type FixedIn = string | "unfixed";

export interface Advisory {
  readonly id: string;
  readonly what: string;
  readonly lines: Readonly<Partial<Record<Line, FixedIn>>>;
  /** What an attacker must reach or have. */
  readonly needs: "nothing" | "bus port" | "unix socket" | "login" | "login and scripts";
}

/** End of life of a line: no fixes after it as a matter of course, though single ones have come later (6.2). */
export const END_OF_LIFE: Readonly<Record<Line, string>> = {
  "5.0": "2022-04-27",
  "6.2": "2025-02-28",
  "7.0": "2024-07-29",
};

type Row = readonly [
  id: string,
  needs: Advisory["needs"],
  v50: FixedIn | undefined,
  v62: FixedIn | undefined,
  v70: FixedIn | undefined,
  what: string,
];

const NONE = undefined;

const ROWS: readonly Row[] = [
  ["CVE-2021-21309", "login", "5.0.11", NONE, NONE, "integer overflow on 32-bit systems"],
  ["CVE-2021-32761", "login", "5.0.13", "6.2.5", NONE, "integer overflow in BITFIELD on 32-bit systems"],
  ["CVE-2021-32626", "login and scripts", "5.0.14", "6.2.6", NONE, "heap overflow by Lua scripts"],
  ["CVE-2021-32627", "login", "5.0.14", "6.2.6", NONE, "heap overflow in streams"],
  ["CVE-2021-32628", "login", "5.0.14", "6.2.6", NONE, "heap overflow in ziplists"],
  ["CVE-2021-32672", "login and scripts", "5.0.14", "6.2.6", NONE, "heap read by the Lua debugger"],
  ["CVE-2021-32675", "nothing", "5.0.14", "6.2.6", NONE, "memory exhaustion by requests before login"],
  ["CVE-2021-32687", "login", "5.0.14", "6.2.6", NONE, "heap overflow in intsets"],
  ["CVE-2021-32762", "login", "5.0.14", "6.2.6", NONE, "heap overflow in redis-cli and sentinel"],
  ["CVE-2021-41099", "login", "5.0.14", "6.2.6", NONE, "heap overflow in strings"],
  ["CVE-2022-24735", "login and scripts", "unfixed", "6.2.7", NONE, "Lua code run as another user"],
  ["CVE-2022-24736", "login and scripts", "unfixed", "6.2.7", NONE, "crash by a Lua script"],
  ["CVE-2022-24834", "login and scripts", "unfixed", "6.2.13", "7.0.12", "heap overflow in Lua's cjson"],
  ["CVE-2022-31144", "login", NONE, NONE, "7.0.4", "heap overflow in XAUTOCLAIM"],
  ["CVE-2022-35951", "login", NONE, NONE, "7.0.5", "heap overflow in XAUTOCLAIM"],
  ["CVE-2022-35977", "login", "unfixed", "6.2.9", "7.0.8", "crash by SETRANGE or SORT"],
  ["CVE-2022-36021", "login", "unfixed", "6.2.11", "7.0.9", "hang by patterns of SCAN or KEYS"],
  ["CVE-2023-22458", "login", NONE, "6.2.9", "7.0.8", "crash by HRANDFIELD or ZRANDMEMBER"],
  ["CVE-2023-25155", "login", "unfixed", "6.2.11", "7.0.9", "crash by SRANDMEMBER"],
  ["CVE-2023-28425", "login", NONE, NONE, "7.0.10", "crash by MSETNX"],
  ["CVE-2023-28856", "login", "unfixed", "6.2.12", "7.0.11", "crash by a field that HINCRBYFLOAT made"],
  ["CVE-2023-36824", "login", NONE, NONE, "7.0.12", "heap overflow in COMMAND GETKEYS"],
  ["CVE-2023-41053", "login", NONE, NONE, "7.0.13", "SORT_RO reads keys that the user may not"],
  ["CVE-2023-41056", "login", NONE, NONE, "7.0.15", "heap overflow by resized buffers"],
  ["CVE-2023-45145", "unix socket", "unfixed", "6.2.14", "7.0.14", "unix socket open for a moment at start"],
  ["CVE-2024-31227", "login", NONE, NONE, "unfixed", "crash by ACL selectors"],
  ["CVE-2024-31228", "login", "unfixed", "6.2.16", "unfixed", "hang by long patterns"],
  [
    "CVE-2024-31449",
    "login and scripts",
    "unfixed",
    "6.2.16",
    "unfixed",
    "stack overflow in Lua's bit library",
  ],
  [
    "CVE-2024-46981",
    "login and scripts",
    "unfixed",
    "6.2.17",
    "unfixed",
    "code execution by Lua's garbage collector",
  ],
  ["CVE-2024-51741", "login", NONE, NONE, "unfixed", "crash by ACL selectors"],
  ["CVE-2025-21605", "nothing", "unfixed", "6.2.18", "unfixed", "memory exhaustion by replies before login"],
  ["CVE-2025-32023", "login", "unfixed", "6.2.19", "unfixed", "out-of-bounds write by HyperLogLogs"],
  ["CVE-2025-48367", "nothing", "unfixed", "6.2.19", "unfixed", "clients starved by protocol errors"],
  ["CVE-2025-46817", "login and scripts", "unfixed", "6.2.20", "unfixed", "code execution by Lua's unpack"],
  ["CVE-2025-46818", "login and scripts", "unfixed", "6.2.20", "unfixed", "Lua code run as another user"],
  ["CVE-2025-46819", "login and scripts", "unfixed", "6.2.20", "unfixed", "out-of-bounds read by Lua"],
  ["CVE-2025-49844", "login and scripts", "unfixed", "6.2.20", "unfixed", "code execution by Lua's parser"],
  ["CVE-2025-67733", "login and scripts", NONE, NONE, "unfixed", "replies forged by Lua's error_reply"],
  ["CVE-2026-21863", "bus port", NONE, NONE, "unfixed", "crash by a message on the bus port"],
  ["CVE-2026-23631", "login and scripts", NONE, NONE, "unfixed", "code execution on writable replicas"],
  ["CVE-2026-25243", "login", NONE, NONE, "unfixed", "invalid memory access by RESTORE"],
  ["CVE-2026-66373", "login", NONE, NONE, "unfixed", "double free by RESTORE"],
  ["CVE-2026-92925", "bus port", NONE, NONE, "unfixed", "out-of-bounds read by a message on the bus port"],
];

export const ADVISORIES: readonly Advisory[] = ROWS.map(([id, needs, v50, v62, v70, what]) => ({
  id,
  needs,
  what,
  lines: {
    ...(v50 === undefined ? {} : { "5.0": v50 }),
    ...(v62 === undefined ? {} : { "6.2": v62 }),
    ...(v70 === undefined ? {} : { "7.0": v70 }),
  },
}));

/**
 * What is known to be open in a version of a node of this kit, which opens no unix socket. A version of a line that is
 * not listed has no entry here.
 */
export function openAdvisories(version: string): Advisory[] {
  const line = lineOf(version);
  if (!version.startsWith(`${line}.`)) return [];
  return ADVISORIES.filter(({ lines, needs }) => {
    const fixed = lines[line];
    return (
      needs !== "unix socket" &&
      fixed !== undefined &&
      (fixed === "unfixed" || patchOf(version) < patchOf(fixed))
    );
  });
}

/** One line on end of life and what is open; undefined where there is nothing to say. */
export function advisoryLine(version: string): string | undefined {
  const open = openAdvisories(version);
  if (open.length === 0) return undefined;
  const line = lineOf(version);
  const unguarded = open
    .filter(({ needs }) => needs === "nothing" || needs === "bus port")
    .map(({ id }) => id);
  const scripted = open.filter(({ needs }) => needs === "login and scripts").length;
  const without = unguarded.length === 0 ? "" : `; without a password: ${unguarded.join(", ")}`;
  return (
    `Redis ${version}: the ${line} line reached its end of life on ${END_OF_LIFE[line]}; ${open.length} known vulnerabilities are open ` +
    `(${scripted} need Lua: take EVAL, EVALSHA and SCRIPT away with rename-command${without}). ` +
    `Keep its ports from strangers, or set redisVersion to a newer line. (As of ${ADVISORIES_AS_OF}.)`
  );
}

/** Third number of a version. */
function patchOf(version: string): number {
  return Number(version.split(".")[2] ?? 0);
}
