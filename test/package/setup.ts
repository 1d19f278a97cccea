/** Packs the package and installs it elsewhere, once for all tests of this tier: compiling and fetching take most of their time. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { ROOT } from "../program/support/stack";
import { codeInReadme } from "./support/readme";
import { pack, typed } from "./support/tarball";

declare module "vitest" {
  interface ProvidedContext {
    /** The package's .tgz. */
    tarball: string;
    /** A folder that was empty, after what the README says to type. */
    installed: string;
    /** A copy of examples/, with node_modules in those of INSTALLED_EXAMPLES. */
    examples: string;
  }
}

/** Where `npm install` is run as examples/README.md says. The one in Python has the same package.json as the one in YAML. */
const INSTALLED_EXAMPLES = ["typescript", "yaml", "consumer-typescript", "apps"];

export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-pack-"));
  // As the README has them: side by side, under these names.
  const [checkout, installed] = [join(folder, "redis-cluster-kit"), join(folder, "shop")];
  for (const path of [checkout, installed]) mkdirSync(path);
  const end = () => rmSync(folder, { recursive: true, force: true });
  try {
    const tarball = await pack(checkout);
    await typed(withOurVersions(codeInReadme().install), installed);
    const examples = join(checkout, "examples");
    for (const name of INSTALLED_EXAMPLES) await typed("npm install", join(examples, name));
    project.provide("tarball", tarball);
    project.provide("installed", installed);
    project.provide("examples", examples);
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** The README takes the newest of each; a test must not change by itself, so it takes those that this checkout is tested with. */
function withOurVersions(lines: string): string {
  return ["@pulumi/pulumi", "typescript", "@types/node"].reduce((text, name) => {
    const parts = text.split(new RegExp(` ${name}(?:@\\d+)?(?=\\s)`));
    if (parts.length !== 2) throw new Error(`expected ${name} once in\n${lines}`);
    return parts.join(` ${name}@${versionHere(name)}`);
  }, lines);
}

function versionHere(name: string): string {
  const text = readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as Record<"version", string>).version;
}
