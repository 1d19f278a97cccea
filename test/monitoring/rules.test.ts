/** Every rule, judged by Prometheus's own tool: it fires, it keeps quiet, it says which node. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alertsOf, rulesYml } from "../../templates/monitoring/rules";
import { anchorsOf } from "../support/house/documents";
import { readProjectFile } from "../support/house/sources";
import { promtool } from "./support/programs";
import { RULE_CASES, type RuleCase } from "./support/rule-cases";

const run = promisify(execFile);
const alerts = alertsOf();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-rules-"));
  // Without nodes: the cases say themselves what is declared.
  await writeFile(join(folder, "alerts.yml"), rulesYml({ cluster: "c", nodes: [] }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Exit code 0, or promtool's words. */
async function judged(...args: string[]): Promise<string> {
  const failed = (error: Error & { stdout?: string; stderr?: string }) => `${error.stdout}\n${error.stderr}`;
  return run(promtool(), args, { cwd: folder, timeout: 60_000 }).then(() => "good", failed);
}

describe("the rule file", () => {
  test("is one that Prometheus takes", async () =>
    expect(await judged("check", "rules", "alerts.yml")).toBe("good"));

  test("knows every node that is declared, also while nothing is heard of any", async () => {
    const nodes = [
      { name: "shard-1-a", shard: 0, zone: "eu-1a" },
      { name: "b", shard: 11, zone: "yes" },
    ];
    await writeFile(join(folder, "nodes.yml"), rulesYml({ cluster: "c d", nodes }));
    expect(await judged("check", "rules", "nodes.yml")).toBe("good");
    const samples = [
      { labels: 'redis_kit:node_declared{cluster="c d",shard="1",node="shard-1-a",zone="eu-1a"}', value: 1 },
      { labels: 'redis_kit:node_declared{cluster="c d",shard="12",node="b",zone="yes"}', value: 1 },
    ];
    const expected = { expr: "redis_kit:node_declared", eval_time: "2m", exp_samples: samples };
    const tests = [{ interval: "15s", input_series: [], promql_expr_test: [expected] }];
    await writeFile(join(folder, "nodes.json"), JSON.stringify({ rule_files: ["nodes.yml"], tests }));
    expect(await judged("test", "rules", "nodes.json")).toBe("good");
  });

  test("has a case for every alert", () => {
    expect(new Set(RULE_CASES.map(({ alert }) => alert))).toEqual(new Set(alerts.map(({ name }) => name)));
  });

  test("names a paragraph of the runbook in every alert", () => {
    const anchors = anchorsOf(readProjectFile("docs/runbook.md"));
    expect(alerts.filter(({ name }) => !anchors.has(name.toLowerCase()))).toEqual([]);
  });
});

describe("alerts", () => {
  test.each(RULE_CASES.map((each, index) => ({ ...each, index })))("$alert ($index)", async (each) => {
    const file = `${each.index}.json`;
    await writeFile(join(folder, file), JSON.stringify(unitTests(each)));
    expect(await judged("test", "rules", file)).toBe("good");
  });
});

/** promtool's file of unit tests (JSON is YAML): the alert as it fires, and nothing of it in the quiet case. */
function unitTests(each: RuleCase): object {
  const alert = alerts.find(({ name }) => name === each.alert);
  if (!alert) throw new Error(`no alert ${each.alert}`);
  const expected = {
    exp_labels: { ...each.labels, severity: alert.severity },
    exp_annotations: {
      summary: each.summary,
      description: alert.description,
      runbook_url: `docs/runbook.md#${alert.name.toLowerCase()}`,
    },
  };
  const { at = "30m", every = "15s" } = each;
  const testOf = (series: Readonly<Record<string, string>>, exp_alerts: readonly object[]) => ({
    interval: every,
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: at, alertname: each.alert, exp_alerts }],
  });
  return {
    rule_files: ["alerts.yml"],
    evaluation_interval: every,
    tests: [testOf(each.fires, [expected]), testOf({ ...each.fires, ...each.quiet }, [])],
  };
}
