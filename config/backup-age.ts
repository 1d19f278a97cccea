/** How old the last good backup may get, from the schedule that takes them. */

/** One that begins late, runs long, or falls into the change of the clocks. */
const MARGIN_HOURS = 2;
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
/** systemd's words, by the days that can lie between two times; shorter ones count as a day. */
const WORDS: Readonly<Record<string, number>> = {
  weekly: 7,
  monthly: 31,
  quarterly: 92,
  semiannually: 184,
  "semi-annually": 184,
  biannually: 184,
  "bi-annually": 184,
  yearly: 366,
  annually: 366,
};

/**
 * Hours that can lie between two times of `schedule` (systemd's OnCalendar), and two more. Never too few; a schedule within
 * the day counts as a daily one.
 */
export function backupMaxAgeHours(schedule: string): number {
  const words = schedule.trim().toLowerCase().split(/\s+/);
  const gaps = words.map(daysOf).filter((days) => days > 1);
  // "Sat *-*-1..7" wants both: the first Saturday of a month can be five weeks after the last.
  const days = Math.max(
    1,
    gaps.reduce((sum, each) => sum + each, 0),
  );
  return days * 24 + MARGIN_HOURS;
}

function daysOf(word: string): number {
  const known = WORDS[word];
  if (known !== undefined) return known;
  if (/^(sun|mon|tue|wed|thu|fri|sat)/.test(word)) return weekGap(word);
  // A date, not a time of the day (with colons) and not a time zone (with letters).
  return /^[\d*.,/~-]+$/.test(word) && /[-~]/.test(word) ? dateGap(word) : 1;
}

/** "Mon..Fri,Sun": the days from one of them to the next, at most. */
function weekGap(word: string): number {
  const chosen = new Set<number>();
  for (const part of word.split(",")) {
    const [first = -1, last = first] = part
      .split("..")
      .map((name) => DAYS.findIndex((day) => name.startsWith(day)));
    for (let at = first; at >= 0; at = (at + 1) % 7) {
      chosen.add(at);
      if (at === last || chosen.size === 7) break;
    }
  }
  const gaps = [...chosen].map((day) => {
    let gap = 1;
    while (!chosen.has((day + gap) % 7)) gap += 1;
    return gap;
  });
  return Math.max(1, ...gaps);
}

/** "*-*-1,15" or "*-1,7-1": a month where days are named, a year where months or years are. */
function dateGap(word: string): number {
  const [day = "*", ...larger] = word.split(/[-~]/).reverse();
  if (larger.some((part) => part !== "*")) return 366;
  return day === "*" && !word.includes("~") ? 1 : 31;
}
