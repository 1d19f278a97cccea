import { describe, expect, it } from "vitest";
import { timelineSvg } from "../../../cluster/drill";
import { drillRecording } from "../cli/support-drill";

const svg = timelineSvg(drillRecording());

/** Start tags that are not closed by themselves, and end tags, must be as many. */
function isBalanced(xml: string): boolean {
  const open: string[] = [];
  for (const [, slash, name, end] of xml.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (end === "/") continue;
    if (slash !== "/") open.push(name ?? "");
    else if (open.pop() !== name) return false;
  }
  return open.length === 0;
}

describe("the picture of a drill", () => {
  it("is a closed SVG document without stray markup or numbers that are none", () => {
    expect(svg.startsWith("<svg ")).toBe(true);
    expect(isBalanced(svg)).toBe(true);
    expect(svg).toContain("shop &lt;dev&gt;");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
  it("tells both gaps and what happened around the failover", () => {
    for (const text of [
      "110 ms",
      "94 ms",
      "shard-1-a is killed (0 ms)",
      "shard-1-b has taken the slots (96 ms)",
      "roles are as before (4.10 s)",
    ])
      expect(svg).toContain(`>${text}</text>`);
  });
  it("draws no text outside of it", () => {
    const [, width = "0", height = "0"] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
    const texts = [...svg.matchAll(/<text x="([\d.-]+)" y="([\d.-]+)"/g)];
    expect(texts.length).toBeGreaterThan(20);
    for (const [, x, y] of texts) {
      expect(Number(x)).toBeGreaterThanOrEqual(0);
      expect(Number(x)).toBeLessThanOrEqual(Number(width));
      expect(Number(y)).toBeLessThanOrEqual(Number(height));
    }
  });
  it("draws no label on another one", () => {
    const rows = new Map<string, [number, number][]>();
    const label =
      /<text x="([\d.]+)" y="([\d.]+)" font-size="12" font-weight="normal" text-anchor="(start|end)" fill="#111827"[^>]*>([^<]*)</g;
    for (const [, x = "0", y = "0", anchor, content = ""] of svg.matchAll(label)) {
      const width = content.length * 6;
      const from = anchor === "start" ? Number(x) : Number(x) - width;
      rows.set(y, [...(rows.get(y) ?? []), [from, from + width]]);
    }
    expect(rows.size).toBeGreaterThan(3);
    for (const spans of rows.values()) {
      const sorted = spans.sort(([one], [other]) => one - other);
      sorted.forEach(([from], index) => {
        if (index > 0) expect(from).toBeGreaterThan(sorted[index - 1]?.[1] ?? 0);
      });
    }
  });
  it("copes with a drill of which nothing was recorded", () => {
    const empty = timelineSvg({ report: { ...drillRecording().report, events: [] }, acks: [] });
    expect(empty).not.toMatch(/NaN|undefined|Infinity/);
  });
});
