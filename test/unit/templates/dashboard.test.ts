/** templates/monitoring/dashboard.json as Grafana reads it: what its importer and its panels stumble over. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const FILE = join(__dirname, "../../../templates/monitoring/dashboard.json");
const text = readFileSync(FILE, "utf8");

const source = z.object({ type: z.literal("prometheus"), uid: z.literal("$datasource") });
const gridPos = z.object({
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  w: z.int().min(1).max(24),
  h: z.int().min(1),
});
const target = z.object({ expr: z.string().min(10), refId: z.string().regex(/^[A-Z]$/), datasource: source });
const row = z.object({ type: z.literal("row"), id: z.int().positive(), title: z.string().min(1), gridPos });
const panel = z.object({
  type: z.enum(["stat", "timeseries"]),
  id: z.int().positive(),
  title: z.string().min(1),
  description: z.string().min(1),
  datasource: source,
  gridPos,
  targets: z.array(target).min(1),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string().min(1) }) }),
});
const dashboardSchema = z.object({
  uid: z.string().min(1).max(40),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  refresh: z.string().regex(/^\d+[sm]$/),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), query: z.string() })),
  }),
  annotations: z.object({
    list: z.array(z.object({ name: z.string(), expr: z.string().optional(), datasource: source })),
  }),
  panels: z.array(z.discriminatedUnion("type", [row, panel])),
});

describe("the dashboard", () => {
  const dashboard = dashboardSchema.parse(JSON.parse(text));
  const panels = dashboard.panels.flatMap((each) => (each.type === "row" ? [] : [each]));

  test("has panels of all kinds, each with a query, a unit and words of its own", () => {
    expect(panels.length).toBeGreaterThan(20);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const { targets } of panels)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  });

  test("gives every panel and row an id of its own", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("puts no panel over another, and none beside the page", () => {
    const taken = new Set<string>();
    for (const { title, gridPos: at } of dashboard.panels) {
      expect(at.x + at.w, title).toBeLessThanOrEqual(24);
      for (let x = at.x; x < at.x + at.w; x++)
        for (let y = at.y; y < at.y + at.h; y++) {
          expect(taken.has(`${x} ${y}`), `${title} at ${x} ${y}`).toBe(false);
          taken.add(`${x} ${y}`);
        }
    }
  });

  test("uses the variables that it declares, and declares those that it uses", () => {
    const declared = dashboard.templating.list.map(({ name }) => name);
    expect(declared).toEqual(["datasource", "cluster", "shard"]);
    expect(dashboard.templating.list[0]).toMatchObject({ type: "datasource", query: "prometheus" });
    const used = new Set([...text.matchAll(/\$\{?(\w+)/g)].flatMap(([, name]) => name ?? []));
    const builtIn = [...used].filter((name) => name.startsWith("__"));
    expect(builtIn.sort()).toEqual(["__all", "__rate_interval"]);
    expect([...used].filter((name) => !name.startsWith("__")).sort()).toEqual([...declared].sort());
  });

  test("marks failovers", () => {
    const [failovers] = dashboard.annotations.list.filter(({ expr }) => expr !== undefined);
    expect(failovers?.expr).toContain("redis_kit:node_role");
  });
});
