/** Packs the package and installs it elsewhere, once for all tests of this tier: compiling and fetching take most of their time. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { ROOT } from "../program/support/stack";
import { install, pack } from "./support/tarball";

declare module "vitest" {
  interface ProvidedContext {
    /** The package's .tgz. */
    tarball: string;
    /** A folder with the package, its peers and what the examples' programs need in node_modules. */
    installed: string;
  }
}

const WITH_IT = ["@pulumi/pulumi", "typescript", "@types/node", "redis"];

export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-pack-"));
  const [checkout, installed] = [join(folder, "checkout"), join(folder, "installed")];
  for (const path of [checkout, installed]) mkdirSync(path);
  const end = () => rmSync(folder, { recursive: true, force: true });
  try {
    const tarball = await pack(checkout);
    await install(installed, [tarball, ...WITH_IT.map(asHere)]);
    project.provide("tarball", tarball);
    project.provide("installed", installed);
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** The version that this checkout is tested with. */
function asHere(name: string): string {
  const text = readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8");
  const { version } = JSON.parse(text) as Record<"version", string>;
  return `${name}@${version}`;
}
