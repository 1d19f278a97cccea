/** How old a backup may get by its schedule: never less than lies between two of its times. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { backupMaxAgeHours } from "../../../config/backup-age";

const SCHEDULES: readonly (readonly [string, number])[] = [
  ["daily", 1],
  ["hourly", 1],
  ["*-*-* 03:15:00", 1],
  ["03:15 Europe/Berlin", 1],
  ["*-*-* 00/6:00:00 UTC", 1],
  ["Mon..Sun 04:00", 1],
  ["Mon..Fri 03:00", 3],
  ["Tue,Thu,Sat *-*-* 03:00:00", 3],
  ["Sat 12:30", 7],
  ["weekly", 7],
  ["Sunday", 7],
  ["monthly", 31],
  ["*-*-1,15 02:00", 31],
  ["*-*~1 02:00", 31],
  ["Sat *-*-1..7 02:00", 38],
  ["quarterly", 92],
  ["*-1,7-1 02:00", 366],
  ["yearly", 366],
];

describe("the age that a backup may have", () => {
  test.each(SCHEDULES)("%s: %i days and two hours", (schedule, days) => {
    expect(backupMaxAgeHours(schedule)).toBe(days * 24 + 2);
  });

  const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
  const why = hasSystemd ? "" : " (skipped: systemd-analyze is missing)";

  test.skipIf(!hasSystemd).each(SCHEDULES)(`%s: as systemd reckons it, ten times${why}`, (schedule) => {
    const args = ["calendar", "--iterations=10", "--base-time=2027-01-01 00:00:00", schedule];
    const said = spawnSync("systemd-analyze", args, {
      encoding: "utf8",
      env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
    });
    expect(said.status, said.stderr).toBe(0);
    const times = [
      ...said.stdout.matchAll(
        /(?:Next elapse|Iter(?:ation|\.) #\d+|\(in UTC\)): (?:\w+ )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC/g,
      ),
    ];
    const at = [...new Set(times.map(([, text = ""]) => Date.parse(`${text.replace(" ", "T")}Z`)))].sort(
      (a, b) => a - b,
    );
    expect(at.length).toBeGreaterThan(8);
    const gaps = at.slice(1).map((time, index) => (time - (at[index] ?? 0)) / 3_600_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(backupMaxAgeHours(schedule) - 2);
  });
});
