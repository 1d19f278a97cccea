/** The pictures in docs/pictures/, which `npm run bench pictures` makes of a real run. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectFiles, ROOT, readProjectFile } from "../../support/house/sources";

const FOLDER = "docs/pictures";
const pictures = readdirSync(join(ROOT, FOLDER));

describe("pictures", () => {
  test("are of each thing that one looks at", () => {
    expect(pictures.sort()).toEqual(["dashboard.svg", "plan.svg", "status.svg", "topology.svg", "watch.svg"]);
  });

  test.each(pictures)("%s is shown in a document", (picture) => {
    const shown = projectFiles([".md"]).filter((file) =>
      readProjectFile(file).includes(`pictures/${picture})`),
    );
    expect(shown).not.toEqual([]);
  });

  test.each(pictures)(
    "%s has the names that a user would see, and nothing of where it was made",
    (picture) => {
      const text = readProjectFile(join(FOLDER, picture));
      expect(text).toMatch(/^<svg [^>]*viewBox="0 0 \d+ \d+"/);
      expect(text).not.toMatch(/drilled|\/tmp\/|NaN|undefined/);
      expect(text).toMatch(/cache|shard-4-a/);
    },
  );

  test("watch shows a cluster that changes, with what is left", () => {
    const text = readProjectFile(`${FOLDER}/watch.svg`);
    expect(text).toContain("cache changing");
    expect(text.replace(/<[^>]*>\s*/g, " ")).toMatch(
      /moving slots, [\d,]+\s+slots\s+on the way, [\d,]+ still/,
    );
  });

  test("the dashboard has eight panels with lines", () => {
    const text = readProjectFile(`${FOLDER}/dashboard.svg`);
    expect(text.split('stroke-width="1.4"').length - 1).toBeGreaterThan(40);
    expect(text).toContain("Nodes now");
  });

  test("the dashboard's axes have even steps from 0, written alike", () => {
    const charts = readProjectFile(`${FOLDER}/dashboard.svg`).split("<g ").slice(1);
    const axes = charts.flatMap((chart) => {
      const labels = [...chart.matchAll(/text-anchor="end"[^>]*>([\d.,]+)( [^<]+)?</g)];
      return labels.length === 0 ? [] : [labels.map(([, number = "", unit = ""]) => ({ number, unit }))];
    });
    expect(axes).toHaveLength(8);
    for (const axis of axes) {
      expect(axis.length).toBeGreaterThan(1);
      expect(axis.length).toBeLessThan(10);
      const step = numberOf(axis[1]?.number ?? "");
      for (const [at, { number }] of axis.entries()) expect(numberOf(number)).toBeCloseTo(at * step, 6);
      expect(new Set(axis.map(({ unit }) => unit)).size).toBe(1);
      expect(new Set(axis.map(({ number }) => number.split(".")[1]?.length)).size).toBe(1);
    }
  });
});

const numberOf = (text: string) => Number(text.replaceAll(",", ""));
