/** redis_exporter and Prometheus for the local target: those on the machine, else the distribution's packages, unpacked. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tar from "tar";
import { cachePath, createFolder } from "./cache";
import { ask, ownLists } from "./debian";
import { download } from "./download";
import { describe, UnreachableError, UserError } from "./errors";
import { withLock } from "./lock";
import { platformName } from "./platform";
import { findProgram } from "./process";
import type { Report } from "./progress";

/** A program and where it may come from. */
interface Wanted {
  /** For people. */
  readonly title: string;
  /** Names on PATH, the usual one first. */
  readonly programs: readonly string[];
  readonly debianPackage: string;
  /** Where no distribution has it. */
  readonly vendor?: (draft: string, report: Report) => Promise<void>;
}

/**
 * The vendor's release. SHA-256 per platform as pinned by a Homebrew formula of another party, so that a changed file at
 * the vendor is noticed.
 */
export const VENDOR_EXPORTER = {
  version: "1.91.1",
  sha256: {
    "linux-x64": "4552451000b6345011bfc50d77fd3be625aa0be47ac07e98a40384038ecffaab",
    "linux-arm64": "7ee124bd17733cce535b87da17e79f0346d3edb4a20759cf3bfca8b4e0d6886f",
    "darwin-x64": "2f1d510814f244a5bac83ba6529ba8fffa38f594eaaba4f61821ed781b7259ab",
    "darwin-arm64": "6e37b64f70919704bef2a3d55cf4afa608f0b383f749e891c2fe5c26dbe6e5d4",
  } as Record<string, string>,
};

const EXPORTER: Wanted = {
  title: "redis_exporter",
  programs: ["redis_exporter", "prometheus-redis-exporter"],
  debianPackage: "prometheus-redis-exporter",
  vendor: fetchExporter,
};

const PROMETHEUS: Wanted = { title: "Prometheus", programs: ["prometheus"], debianPackage: "prometheus" };

/** Absolute path. @throws UserError with what to install. */
export function ensureExporter(report: Report): Promise<string> {
  return ensure(EXPORTER, report);
}

/** Absolute path. @throws UserError with what to install. */
export function ensurePrometheus(report: Report): Promise<string> {
  return ensure(PROMETHEUS, report);
}

/** Without network. */
export function findExporter(): string | undefined {
  return find(EXPORTER);
}

export function findPrometheus(): string | undefined {
  return find(PROMETHEUS);
}

function folderOf({ debianPackage }: Wanted): string {
  return cachePath("monitoring", `${debianPackage}-${platformName()}`);
}

function find(wanted: Wanted): string | undefined {
  for (const program of wanted.programs) {
    const found = findProgram(program, [folderOf(wanted)]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The package comes before the vendor's release: it is the release that the alerts and the dashboard are tested with. */
async function ensure(wanted: Wanted, report: Report): Promise<string> {
  const { title, debianPackage, vendor } = wanted;
  const found = find(wanted);
  if (found !== undefined) return found;
  const lock = cachePath("locks", `${debianPackage}.lock`);
  return withLock(lock, `installing ${title}`, report, async () => {
    const reasons: string[] = [];
    for (const obtain of [(draft: string) => unpack(wanted, draft), vendor].filter(
      (each) => each !== undefined,
    )) {
      const now = find(wanted);
      if (now !== undefined) return now;
      report(`${title}: not on this machine yet, fetching it`);
      try {
        await createFolder(folderOf(wanted), (draft) => obtain(draft, report));
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        reasons.push(describe(error));
      }
    }
    const got = find(wanted);
    if (got !== undefined) return got;
    throw new UserError(
      `${title} cannot be had: ${reasons.join("; ")}`,
      `Install it (Debian and Ubuntu: apt-get install ${debianPackage}) and put it on PATH, or declare monitoring without it.`,
    );
  });
}

/** Fetches the distribution's package with apt, which checks its signature, and unpacks it without root. */
async function unpack({ debianPackage, programs }: Wanted, draft: string): Promise<void> {
  if (["apt-get", "dpkg-deb"].some((name) => findProgram(name) === undefined))
    throw new UnreachableError("there is no apt here");
  const root = join(draft, "package");
  mkdirSync(root);
  for (const options of [[], ownLists()]) {
    if (options.length > 0) ask("apt-get", [...options, "update"]);
    ask("apt-get", [...options, "download", debianPackage], root);
    if (readdirSync(root).length > 0) break;
  }
  const [file] = readdirSync(root);
  if (file === undefined) throw new UnreachableError(`apt could not fetch ${debianPackage}`);
  ask("dpkg-deb", ["-x", file, "."], root);
  for (const program of programs) {
    const unpacked = join(root, "usr", "bin", program);
    if (existsSync(unpacked)) place(unpacked, join(draft, program));
  }
  rmSync(root, { recursive: true });
}

async function fetchExporter(draft: string, report: Report): Promise<void> {
  const { version, sha256 } = VENDOR_EXPORTER;
  const expected = sha256[platformName()];
  if (expected === undefined) throw new UnreachableError(`the vendor has no release for ${platformName()}`);
  const name = `redis_exporter-v${version}.${platformName().replace("x64", "amd64")}`;
  const target = cachePath("downloads", `${name}.tar.gz`);
  const url = `https://github.com/oliver006/redis_exporter/releases/download/v${version}/${name}.tar.gz`;
  await download({ url, target, sha256: expected, label: `Fetching redis_exporter ${version}` }, report);
  await tar.extract({ file: target, cwd: draft, strip: 1 });
  rmSync(target, { force: true });
}

function place(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}
