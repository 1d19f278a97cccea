/**
 * Writes what is generated from config/: Pulumi.schema.json and docs/configuration.md.
 * `npx tsx scripts/generate-schema.ts`; a unit test tells when it has to be run again.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stackFileSchema } from "./reference/json-schema";
import { configurationReference } from "./reference/markdown";
import { tool } from "./tools";

const ROOT = join(__dirname, "..");

mkdirSync(join(ROOT, "docs"), { recursive: true });
const schemaFile = join(ROOT, "Pulumi.schema.json");
writeFileSync(schemaFile, JSON.stringify(stackFileSchema()));
execFileSync(process.execPath, [tool("@biomejs/biome/bin/biome"), "format", "--write", schemaFile], {
  cwd: ROOT,
});
writeFileSync(join(ROOT, "docs/configuration.md"), configurationReference());
