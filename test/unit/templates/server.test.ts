/** What lands on servers: the scripts are sh, take any text, and the units are as tight as they should be. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exporterArguments, passwordFile, SLOTS_SCRIPT } from "../../../templates/monitoring/exporter";
import {
  type BackupPlan,
  backupProgram,
  backupScript,
  backupSettings,
  backupTimer,
  backupUnit,
} from "../../../templates/server/backup";
import {
  configureScript,
  exporterScript,
  exporterUnit,
  installScript,
  preflightScript,
  runCommand,
  type ServerPlan,
  shellQuote,
  unitFile,
} from "../../../templates/server/scripts";

const FOLDER = join(__dirname, "../../../templates/server");
const PLAN: ServerPlan = {
  cluster: "orders-staging",
  node: "redis-1",
  version: "5.0.14",
  install: "source",
  port: 6379,
  address: "10.0.0.11",
  maxmemoryBytes: 8 * 1024 ** 3,
  persistent: true,
};
const EXPORTER = {
  node: "redis-1",
  port: 6379,
  listen: "10.0.0.11:9121",
  from: [],
  source: "package",
} as const;
const BACKUP: BackupPlan = {
  cluster: "orders-staging",
  node: "redis-1",
  nodes: [{ name: "redis-1", host: "10.0.0.11", port: 6379 }],
  replicasPerShard: 1,
  place: "/srv/my backups",
  schedule: "*-*-* 03:15:00",
  retention: { daily: 7, weekly: 4, monthly: 12 },
  kitVersion: "0.1.0",
};
const NOWHERE = { url: "https://redis.example/x.tar.gz", upload: "", sha256: "a".repeat(64) };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-server-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("scripts", () => {
  const scripts = {
    preflight: preflightScript(PLAN),
    install: installScript(PLAN, NOWHERE, "-fcommon"),
    configure: configureScript(PLAN),
    exporter: exporterScript(EXPORTER, `it's "one" $(touch x)`),
    backup: backupScript(BACKUP, `it's "one" $(touch x)`),
    "what the backup timer runs": backupProgram(),
  };

  test.each(Object.entries(scripts))("%s is valid sh, alone and as it is sent", (_, script) => {
    expect(spawnSync("sh", ["-n"], { input: script, encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  test.each(readdirSync(FOLDER).filter((file) => file.endsWith(".sh")))("%s by itself", (file) => {
    expect(spawnSync("sh", ["-n", join(FOLDER, file)], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  test("half a script, cut off by a lost connection, does nothing", () => {
    const script = `${preflightScript(PLAN).replaceAll(/^main\(\) \{[^}]*\}/gm, "main() { echo done; }")}`;
    const whole = spawnSync("sh", ["-s"], { input: script, encoding: "utf8" });
    expect(whole.stdout).toBe("done\n");
    const cut = script.slice(0, script.lastIndexOf("main <"));
    expect(spawnSync("sh", ["-s"], { input: cut, encoding: "utf8" }).stdout).toBe("");
  });

  test("any text comes through as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        const plain = text.replaceAll("\0", "");
        const out = execFileSync("sh", ["-s"], {
          input: `printf '%s' ${shellQuote(plain)}\n`,
          encoding: "utf8",
        });
        expect(out).toBe(plain);
      }),
      { numRuns: 40 },
    );
  });

  test("the command line is the same whatever is secret", () => {
    for (const withPassword of [false, true]) {
      const command = runCommand("install", "redis-1", withPassword);
      expect(command).toMatch(/^sh -c '[^']*' install redis-1$/);
      expect(spawnSync("sh", ["-n"], { input: command, encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
    }
  });
});

describe("files on the server", () => {
  /** Runs lines of shell with the scripts' library. */
  const withLibrary = (lines: string) =>
    spawnSync("sh", ["-s"], {
      cwd: folder,
      encoding: "utf8",
      input: `set -eu\nNODE=redis-1\n${readFileSync(join(FOLDER, "lib.sh"), "utf8")}\n${lines}\n`,
    });
  const owner = () => execFileSync("sh", ["-c", "stat -c %U:%G ."], { cwd: folder, encoding: "utf8" }).trim();

  test("are written where they differ, in content, mode or owner, and not again", () => {
    const put = `put file 640 ${owner()} "one\ntwo"; echo "$did"`;
    expect(withLibrary(put)).toMatchObject({ stdout: "changed: file\nyes\n", stderr: "", status: 0 });
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("one\ntwo\n");
    expect(statSync(join(folder, "file")).mode & 0o777).toBe(0o640);
    expect(withLibrary(put).stdout).toBe("no\n");
    writeFileSync(join(folder, "file"), "one\ntwo");
    expect(withLibrary(put).stdout).toBe("changed: file\nyes\n");
    execFileSync("chmod", ["644", join(folder, "file")]);
    expect(withLibrary(put).stdout).toBe("changed: file\nyes\n");
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test("a folder loses a setgid bit that a package gave it; a link changes in one step", () => {
    execFileSync("mkdir", ["-m", "2770", join(folder, "etc")]);
    expect(withLibrary(`folder etc 750 ${owner()}; folder etc 750 ${owner()}`).stdout).toBe("changed: etc\n");
    expect(statSync(join(folder, "etc")).mode & 0o7777).toBe(0o750);
    expect(
      withLibrary('link a now; echo "$did"; link a now; echo "$did"; link b now; readlink now').stdout,
    ).toBe("changed: now\nyes\nno\nchanged: now\nb\n");
  });

  test("a failure inside ends the script", () => {
    const failed = withLibrary(`put missing/file 640 ${owner()} x; echo went on`);
    expect(failed.status).not.toBe(0);
    expect(failed.stdout).not.toContain("went on");
  });
});

describe("units", () => {
  const units = {
    "redis-cluster-kit.service": unitFile(PLAN),
    "redis-cluster-kit-exporter.service": exporterUnit({ ...EXPORTER, from: ["10.0.0.0/8"] }),
    "redis-cluster-kit-backup.service": backupUnit(BACKUP),
  };
  const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
  const why = hasSystemd ? "" : " (skipped: systemd-analyze is missing)";

  test("a node without persistence does not come back by itself: it would be empty", () => {
    expect(unitFile(PLAN)).toContain("\nRestart=on-failure\n");
    expect(unitFile({ ...PLAN, persistent: false })).toContain("\nRestart=no\n");
  });

  test("the backup timer: when it is declared, and late rather than never", () => {
    expect(backupTimer(BACKUP)).toMatch(
      /\nOnCalendar=\*-\*-\* 03:15:00\n[\s\S]*\nRandomizedDelaySec=300\n[\s\S]*\nPersistent=true\n/,
    );
  });

  test("a backup may write to its place alone, and has the password from systemd", () => {
    expect(backupUnit(BACKUP)).toContain('\nReadWritePaths="/srv/my backups"\nProtectHome=yes\n');
    expect(backupUnit(BACKUP)).toContain('\nRequiresMountsFor="/srv/my backups"\n');
    expect(backupUnit({ ...BACKUP, place: "/home/backups" })).toContain("\nProtectHome=read-only\n");
    expect(backupUnit({ ...BACKUP, place: "s3://bucket/redis" })).not.toContain("ReadWritePaths");
    expect(backupUnit(BACKUP)).toContain(
      "\nLoadCredential=password:/etc/redis-cluster-kit/backup.password\n",
    );
  });

  test("S3: encrypted whatever the address says, and with the key and region that it names", () => {
    const of = (place: string, region?: string) =>
      backupSettings({ ...BACKUP, place, ...(region === undefined ? {} : { region }) });
    expect(of("s3://bucket/redis", "eu-west-1")).toContain("S3_OPTIONS='--region eu-west-1 --sse AES256'\n");
    expect(of("s3://bucket/redis/")).toContain("TO=s3://bucket/redis\nS3_OPTIONS='--sse AES256'\n");
    expect(of("s3://bucket/redis?region=eu-central-1&sse=aws:kms&kms-key=alias/own")).toContain(
      "TO=s3://bucket/redis\nS3_OPTIONS='--region eu-central-1 --sse aws:kms --sse-kms-key-id alias/own'\n",
    );
  });

  test("the exporter runs with the arguments that the rules are tested with, its script and the password's address", () => {
    const files = {
      passwords: `\${CREDENTIALS_DIRECTORY}/password`,
      script: "/opt/redis-cluster-kit/slots.lua",
    };
    const address = { host: "127.0.0.1", port: 6379, listen: "10.0.0.11:9121" };
    expect(/^ExecStart=(.*)$/m.exec(exporterUnit(EXPORTER))?.[1]).toBe(
      ["/opt/redis-cluster-kit/exporter/redis_exporter", ...exporterArguments(address, files)].join(" "),
    );
    const script = exporterScript(EXPORTER, `it's "one"`);
    expect(script).toContain(shellQuote(SLOTS_SCRIPT.trimEnd()));
    expect(script).toContain(shellQuote(passwordFile([address], `it's "one"`).trimEnd()));
  });

  test("networks of the exporter", () => {
    expect(exporterUnit(EXPORTER)).not.toContain("IPAddressDeny");
    expect(units["redis-cluster-kit-exporter.service"]).toContain(
      "IPAddressDeny=any\nIPAddressAllow=localhost 10.0.0.0/8\n",
    );
  });

  test.skipIf(!hasSystemd).each(Object.entries(units))(`%s: exposure at most 2.0${why}`, (name, text) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    const said = execFileSync("systemd-analyze", ["security", "--offline=yes", "--no-pager", file], {
      encoding: "utf8",
    });
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(said)?.[1])).toBeLessThanOrEqual(2);
  });
});
