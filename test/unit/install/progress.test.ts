import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startProgress } from "../../../install/progress";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A stand-in for stderr that keeps what is written. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  const fake = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream;
  fake.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { fake, written };
}

test("a terminal's line changes in place and is taken away", () => {
  const { fake, written } = stream(true);
  const lines: string[] = [];
  const progress = startProgress("Building Redis", (line) => lines.push(line), fake);
  vi.advanceTimersByTime(200);
  progress.update("12 of 57 MB");
  vi.advanceTimersByTime(3000);
  progress.end();
  vi.advanceTimersByTime(60_000);
  expect(written[0]).toBe("\r\x1b[KBuilding Redis: 0 s");
  expect(written.at(-2)).toBe("\r\x1b[KBuilding Redis: 12 of 57 MB, 3 s");
  expect(written.at(-1)).toBe("\r\x1b[K");
  expect(lines).toEqual([]);
});

test("without a terminal it is one line every 20 s, and none for what is quick", () => {
  const { fake, written } = stream(false);
  const lines: string[] = [];
  const quick = startProgress("Fetching", (line) => lines.push(line), fake);
  vi.advanceTimersByTime(19_000);
  quick.end();
  const slow = startProgress("Building", (line) => lines.push(line), fake);
  slow.update("412 packages built");
  vi.advanceTimersByTime(41_000);
  slow.end();
  expect(lines).toEqual(["Building: 412 packages built, 20 s", "Building: 412 packages built, 40 s"]);
  expect(written).toEqual([]);
});
