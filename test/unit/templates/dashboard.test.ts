/** templates/monitoring/dashboard.json as Grafana reads it: what its importer and its panels stumble over. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { dashboardFor } from "../../../templates/monitoring/dashboard";

const FILE = join(__dirname, "../../../templates/monitoring/dashboard.json");
const text = readFileSync(FILE, "utf8");

const source = z.object({ type: z.literal("prometheus"), uid: z.literal("$datasource") });
const gridPos = z.object({
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  w: z.int().min(1).max(24),
  h: z.int().min(1),
});
const target = z.object({
  expr: z.string().min(10),
  refId: z.string().regex(/^[A-Z]$/),
  datasource: source,
  instant: z.boolean().optional(),
  format: z.string().optional(),
});
const organized = z.object({
  excludeByName: z.record(z.string(), z.boolean()),
  indexByName: z.record(z.string(), z.number()),
  renameByName: z.record(z.string(), z.string()),
});
const row = z.object({ type: z.literal("row"), id: z.int().positive(), title: z.string().min(1), gridPos });
const panel = z.object({
  type: z.enum(["stat", "timeseries", "state-timeline", "table"]),
  id: z.int().positive(),
  title: z.string().min(1),
  description: z.string().min(1),
  datasource: source,
  gridPos,
  interval: z.string().regex(/^\d+s$/),
  targets: z.array(target).min(1),
  fieldConfig: z.object({
    defaults: z.object({ unit: z.string().min(1).optional() }),
    overrides: z.array(
      z.object({
        matcher: z.object({ id: z.literal("byName"), options: z.string() }),
        properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
      }),
    ),
  }),
  transformations: z.array(z.object({ id: z.string(), options: z.unknown() })).optional(),
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
    for (const { targets, type, fieldConfig } of panels) {
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      if (type === "stat" || type === "timeseries") expect(fieldConfig.defaults.unit).toBeDefined();
    }
  });

  test("shows numbers and tables of now, not the last that was known", () => {
    for (const { type, targets, title } of panels)
      if (type === "stat" || type === "table")
        for (const { instant } of targets) expect(instant, title).toBe(true);
  });

  test("has tables whose columns are all of the queries' own, and none left without a title", () => {
    const tables = panels.filter(({ type }) => type === "table");
    expect(tables).toHaveLength(2);
    for (const { transformations = [], targets, fieldConfig, title } of tables) {
      expect(transformations.map(({ id }) => id)).toEqual(["merge", "organize"]);
      const { excludeByName, indexByName, renameByName } = organized.parse(transformations[1]?.options);
      expect(Object.keys(indexByName)).toEqual(Object.keys(renameByName));
      const labels = new Set(
        targets.flatMap(({ expr }) => /by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? []),
      );
      const values = targets.map(({ refId }) => (targets.length === 1 ? "Value" : `Value #${refId}`));
      const fields = ["Time", ...labels, ...values];
      expect([...Object.keys(excludeByName), ...Object.keys(renameByName)].sort(), title).toEqual(
        [...new Set([...fields, "cluster"])].sort(),
      );
      expect(fieldConfig.overrides.map(({ matcher }) => matcher.options)).toEqual(
        Object.values(renameByName),
      );
      for (const { properties } of fieldConfig.overrides)
        expect(properties).toContainEqual({ id: "noValue", value: "-" });
      for (const { format } of targets) expect(format).toBe("table");
    }
  });

  test("is written for the scrape interval of its Prometheus: rates and marks hold four scrapes", () => {
    const slow = dashboardSchema.parse(JSON.parse(dashboardFor(300)));
    for (const each of slow.panels) if (each.type !== "row") expect(each.interval, each.title).toBe("300s");
    expect(slow.annotations.list.map(({ expr }) => expr).join()).toContain('role="replica"}[1200s]');
    expect(dashboardFor(15)).toBe(text);
    expect(dashboardFor(1)).toContain('role=\\"replica\\"}[60s]');
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
