/** The `monitoring` key: what is read, and which ports cannot be. */
import { describe, expect, test } from "vitest";
import { ConfigError, type KitConfig, parseConfig } from "../../../config";
import { exporterPortOf } from "../../../config/monitoring";
import { localPort } from "../../../topology";
import { CONTEXT } from "./context";

function parse(monitoring: unknown): KitConfig {
  return parseConfig({ monitoring }, CONTEXT);
}

function problemsOf(monitoring: unknown): string[] {
  try {
    parse(monitoring);
    return [];
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ property, expected }) => `${property}: ${expected}`);
    throw error;
  }
}

describe("monitoring", () => {
  test("is read as text, as `pulumi config set --path` writes it, and as structure", () => {
    const expected = { enabled: true, exporterPort: 9121, prometheusPort: 9090, scrapeIntervalSeconds: 5 };
    expect(parse({ enabled: true, prometheusPort: 9090, scrapeIntervalSeconds: 5 }).monitoring).toMatchObject(
      expected,
    );
    expect(
      parse('{"enabled":"true","prometheusPort":"9090","scrapeIntervalSeconds":"5"}').monitoring,
    ).toMatchObject(expected);
  });

  test.each([
    [{ enabled: "maybe" }, "monitoring.enabled: true or false"],
    [{ exporterPort: 80 }, "monitoring.exporterPort: a port from 1024 to 65535"],
    [{ scrapeInterval: 5 }, "monitoring.scrapeInterval: one of the keys"],
    [
      { enabled: true, exporterPort: 7003 },
      "monitoring.exporterPort: ports that are free: 7003 is also shard-1-b's",
    ],
    [
      { enabled: true, exporterPort: 65_533 },
      "monitoring.exporterPort: ports that are free: 65536 is no port",
    ],
    [
      { enabled: true, prometheusPort: 9123 },
      "monitoring.prometheusPort: ports that are free: 9123 is also shard-3-a's exporter's",
    ],
  ])("%j is refused: %s", (value, expected) => {
    const [first = "none"] = problemsOf(value);
    expect(first).toContain(expected);
  });

  test("exporters do not move when shards or replicas come", () => {
    const portOf = (shard: number, member: number) =>
      exporterPortOf({ exporterPort: 9121 }, { port: localPort(7000, shard, member) }, 7000);
    expect([portOf(0, 0), portOf(2, 1), portOf(3, 0), portOf(0, 2)]).toEqual([9121, 9126, 9127, 9221]);
    expect(exporterPortOf({ exporterPort: 9121 }, { port: 6379 }, undefined)).toBe(9121);
  });
});
