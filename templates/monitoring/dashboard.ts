/** The generated dashboard, for the Prometheus that it will ask. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { markRange } from "./panels";
import { ALERT_DEFAULTS } from "./types";

/** Absolute path of the JSON for Grafana, for the default scrape interval. */
const DASHBOARD_FILE = join(__dirname, "dashboard.json");

/** What every panel says of its Prometheus: Grafana takes four of it for a rate, however close one looks. */
export function minInterval(scrapeIntervalSeconds: number): string {
  return `${scrapeIntervalSeconds}s`;
}

/** The JSON for Grafana, for a Prometheus that scrapes so often. */
export function dashboardFor(scrapeIntervalSeconds: number): string {
  const usual = ALERT_DEFAULTS.scrapeIntervalSeconds;
  const property = (seconds: number) => `"interval": "${minInterval(seconds)}"`;
  return readFileSync(DASHBOARD_FILE, "utf8")
    .replaceAll(property(usual), property(scrapeIntervalSeconds))
    .replaceAll(`[${markRange(usual)}]`, `[${markRange(scrapeIntervalSeconds)}]`);
}
