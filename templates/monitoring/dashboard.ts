/** Where the generated dashboard is. */
import { join } from "node:path";

/** Absolute path of the JSON for Grafana. */
export const DASHBOARD_FILE = join(__dirname, "dashboard.json");
