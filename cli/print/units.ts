/** Numbers as people read them. */
import prettyBytes from "pretty-bytes";

/** "64 MiB"; Redis's own units are powers of 1024. */
export function bytes(count: number): string {
  return prettyBytes(count, { binary: true, maximumFractionDigits: count < 1024 ** 2 ? 0 : 1 });
}

/** "1.9 of 64 MiB", "900 KiB of 8 GiB"; only what is used where there is no limit. */
export function share(used: number, limit: number): string {
  if (limit === 0) return bytes(used);
  const [amount, unit] = bytes(used).split(" ");
  const [, limitUnit] = bytes(limit).split(" ");
  return unit === limitUnit ? `${amount} of ${bytes(limit)}` : `${bytes(used)} of ${bytes(limit)}`;
}

/** "3%"; what is used where there is no limit. */
export function percent(used: number, limit: number): string {
  return limit === 0 ? bytes(used) : `${Math.round((100 * used) / limit)}%`;
}

/** "16,384" */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** "400", "1.2M" */
export function shortCount(number: number): string {
  return new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 }).format(number);
}

/** "3 shards", "1 replica" */
export function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** "83 ms", "4.2 s" */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
