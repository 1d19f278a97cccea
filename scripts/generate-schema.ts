/**
 * Writes what is generated: Pulumi.schema.json and docs/configuration.md from config/, the dashboard from its panels.
 * `npx tsx scripts/generate-schema.ts`; a unit test tells when it has to be run again.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dashboardJson } from "./reference/dashboard";
import { stackFileSchema } from "./reference/json-schema";
import { configurationReference } from "./reference/markdown";
import { tool } from "./tools";

const ROOT = join(__dirname, "..");

mkdirSync(join(ROOT, "docs"), { recursive: true });
const schemaFile = join(ROOT, "Pulumi.schema.json");
writeFileSync(schemaFile, JSON.stringify(stackFileSchema()));
writeFileSync(join(ROOT, "docs/configuration.md"), configurationReference());
const dashboardFile = join(ROOT, "templates/monitoring/dashboard.json");
writeFileSync(dashboardFile, dashboardJson());
const format = [tool("@biomejs/biome/bin/biome"), "format", "--write", schemaFile, dashboardFile];
execFileSync(process.execPath, format, { cwd: ROOT });
