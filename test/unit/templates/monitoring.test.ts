/** Monitoring's files: scrape configurations for every target, the dashboard, arguments without secrets. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { dashboardJson } from "../../../scripts/reference/dashboard";
import { exporterArguments, passwordFile } from "../../../templates/monitoring/exporter";
import { alertsOf, rulesYml } from "../../../templates/monitoring/rules";
import {
  ec2Scrape,
  fileSd,
  fileSdScrape,
  prometheusYml,
  staticScrape,
  targetGroups,
} from "../../../templates/monitoring/targets";
import { ALERT_DEFAULTS } from "../../../templates/monitoring/types";
import { toYaml, type Yaml } from "../../../templates/monitoring/yaml";

const NODES = [
  { name: "shard-1-a", host: "10.0.0.4", port: 6379, shard: 0, zone: "a", exporterPort: 9121 },
  { name: "shard-1-b", host: "10.0.1.4", port: 6379, shard: 0, zone: "b", exporterPort: 9121 },
];
const SETTINGS = { cluster: "cache", nodes: NODES, scrapeIntervalSeconds: 15 };

test("templates/monitoring/dashboard.json is current", () => {
  const file = readFileSync(join(__dirname, "../../../templates/monitoring/dashboard.json"), "utf8");
  expect(JSON.parse(file), "run `npx tsx scripts/generate-schema.ts`").toEqual(JSON.parse(dashboardJson()));
});

describe("scrape configurations", () => {
  test("with the targets in them, in a file, and found in AWS", () => {
    const scrapes = [
      staticScrape(SETTINGS),
      fileSdScrape(SETTINGS, "targets.json"),
      ec2Scrape(SETTINGS, { region: "eu-central-1", exporterPort: 9121 }),
    ];
    const text = prometheusYml({ scrapes, ruleFiles: ["alerts.yml"], evaluationIntervalSeconds: 15 });
    expect(text).toMatchSnapshot();
    expect(parse(text)).toMatchObject({ rule_files: ["alerts.yml"], scrape_configs: [{}, {}, {}] });
  });

  test("file_sd has a group a node, and no role, which would be false after a failover", () => {
    expect(JSON.parse(fileSd(targetGroups(SETTINGS)))).toEqual([
      { targets: ["10.0.0.4:9121"], labels: { cluster: "cache", shard: "1", node: "shard-1-a", zone: "a" } },
      { targets: ["10.0.1.4:9121"], labels: { cluster: "cache", shard: "1", node: "shard-1-b", zone: "b" } },
    ]);
  });

  test("find the shard in a node's name in AWS", () => {
    const text = toYaml([ec2Scrape(SETTINGS, { region: "eu-central-1", exporterPort: 9121 })]);
    const [{ relabel_configs: rules }] = parse(text) as [{ relabel_configs: { regex?: string }[] }];
    const regex = rules.find((rule) => rule.regex !== undefined)?.regex ?? "";
    expect(new RegExp(`^(?:${regex})$`).exec("shard-12-b")?.[1]).toBe("12");
  });
});

describe("alerts", () => {
  test("as they are by default", () => expect(rulesYml(SETTINGS)).toMatchSnapshot());

  test("have names of their own, and what operators need", () => {
    const alerts = alertsOf();
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length);
    for (const { summary } of alerts) expect(summary).toMatch(/\$labels\.(node|zone|cluster)/);
  });

  test("in a hurry keep ranges that hold four scrapes", () => {
    const text = rulesYml(SETTINGS, { ...ALERT_DEFAULTS, timeScale: 0.001, scrapeIntervalSeconds: 5 });
    const ranges = [...text.matchAll(/\[(\d+)s\]/g)].map(([, seconds]) => Number(seconds));
    expect(ranges.length).toBeGreaterThan(5);
    expect(Math.min(...ranges)).toBe(20);
  });
});

describe("an exporter", () => {
  test("gets the password in a file, by the address that it looks up", () => {
    const [node] = NODES;
    if (!node) throw new Error("no node");
    const address = { host: node.host, port: node.port, listen: "10.0.0.4:9121" };
    const args = exporterArguments(address, { passwords: "/f/passwords.json", script: "/f/slots.lua" });
    expect(args.join(" ")).toBe(
      "-redis.addr 10.0.0.4:6379 -redis.password-file /f/passwords.json -script /f/slots.lua -web.listen-address 10.0.0.4:9121 -redis-only-metrics -connection-timeout 5s",
    );
    expect(JSON.parse(passwordFile([node], 'a"b\\c'))).toEqual({ "redis://10.0.0.4:6379": 'a"b\\c' });
  });
});

test("YAML reads back as it was written", () => {
  const { value } = fc.letrec<{ value: Yaml }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("yes", "null", "12", "a: b", "- x", "one\ntwo", " lead\nx", "x\n", "#", ""),
      fc.integer(),
      fc.boolean(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.string(), tie("value"), { maxKeys: 3 }),
    ),
  }));
  const reads = fc.property(value, (each) => {
    expect(parse(toYaml({ each }), { maxAliasCount: 0 })).toEqual({ each });
  });
  fc.assert(reads);
});
