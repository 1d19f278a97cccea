import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachePath } from "./cache";
import { UnreachableError } from "./errors";
import { findProgram } from "./process";

const LIMIT_MS = 120_000;

/** Where unpacked libraries are looked for, by Debian's multi-arch names. */
const LIBRARY_FOLDERS = ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap((arch) => [
  `usr/lib/${arch}`,
  `lib/${arch}`,
]);

/** Runs a program of apt or dpkg and returns what it printed; "" when it failed. */
export function ask(program: string, args: string[], cwd?: string): string {
  const env = { ...process.env, LC_ALL: "C" };
  const run = spawnSync(program, args, { cwd, env, encoding: "utf8", timeout: LIMIT_MS });
  return run.status === 0 ? run.stdout : "";
}

/**
 * Options that give apt lists of its own, in the cache: reading the system's needs them to be there (a fresh container has
 * none), and updating those needs root.
 */
export function ownLists(): string[] {
  const folder = cachePath("apt", "lists", "partial");
  mkdirSync(folder, { recursive: true });
  mkdirSync(cachePath("apt", "archives", "partial"), { recursive: true });
  return ["-o", `Dir::State::lists=${cachePath("apt", "lists")}`, "-o", `Dir::Cache=${cachePath("apt")}`];
}

function candidate(options: string[]): string | undefined {
  const policy = ask("apt-cache", [...options, "policy", "redis-server"]);
  return /Candidate: (?:\d+:)?(\d+\.\d+\.\d+)/.exec(policy)?.[1];
}

/** What apt can give: the version of its redis-server, and the options to give apt. */
export interface DebianRedis {
  version: string;
  options: string[];
}

/** Looks up Debian's (or Ubuntu's) redis-server; undefined where there is no apt or it knows none. */
export function debianRedis(): DebianRedis | undefined {
  if (["apt-get", "apt-cache", "dpkg-deb"].some((name) => findProgram(name) === undefined)) return undefined;
  const known = candidate([]);
  if (known !== undefined) return { version: known, options: [] };
  const options = ownLists();
  if (candidate(options) === undefined) ask("apt-get", [...options, "update"]);
  const version = candidate(options);
  return version === undefined ? undefined : { version, options };
}

function isInstalled(name: string): boolean {
  return ask("dpkg", ["-s", name]).includes("install ok installed");
}

/** Libraries that the packages need and this machine does not have. libc6 must be the machine's own. */
function missingLibraries(options: string[]): string[] {
  const depends = ask("apt-cache", [...options, "depends", "redis-server", "redis-tools"]);
  const names = [...depends.matchAll(/ Depends: (lib[^\s<>]+)/g)].flatMap((match) => match[1] ?? []);
  return [...new Set(names)].filter((name) => name !== "libc6" && !isInstalled(name));
}

/** A script in place of a program that needs unpacked libraries: they are added for it alone. */
function wrapper(program: string, libraries: string[]): string {
  const path = `${libraries.join(":")}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}`;
  return `#!/bin/sh\nLD_LIBRARY_PATH="${path}" exec "${program}" "$@"\n`;
}

/**
 * Fetches the packages with apt (which checks their signatures), unpacks them without root into `draft`, and puts the
 * programs into its bin/. `home` is the folder that `draft` will be renamed to.
 */
export async function unpackDebianRedis(redis: DebianRedis, draft: string, home: string): Promise<void> {
  const packages = ["redis-server", "redis-tools", ...missingLibraries(redis.options)];
  const root = join(draft, "debian");
  mkdirSync(root);
  ask("apt-get", [...redis.options, "download", ...packages], root);
  const files = readdirSync(root).filter((name) => name.endsWith(".deb"));
  if (files.length < packages.length)
    throw new UnreachableError("apt could not fetch redis-server's packages");
  for (const file of files) ask("dpkg-deb", ["-x", file, "."], root);
  const libraries = LIBRARY_FOLDERS.filter((folder) => existsSync(join(root, folder)));
  mkdirSync(join(draft, "bin"));
  for (const name of readdirSync(join(root, "usr", "bin")).filter((entry) => entry.startsWith("redis-"))) {
    const target = join(draft, "bin", name);
    if (libraries.length === 0) copyFileSync(join(root, "usr", "bin", name), target);
    else {
      const folders = libraries.map((folder) => join(home, "debian", folder));
      writeFileSync(target, wrapper(join(home, "debian", "usr", "bin", name), folders));
    }
    chmodSync(target, 0o755);
  }
  if (libraries.length === 0) rmSync(root, { recursive: true });
  else for (const file of files) rmSync(join(root, file));
}
