/** The file system of a data volume that has grown: the part of the configure script, with the system's commands as functions. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { configureScript, type ServerPlan } from "../../../templates/server/scripts";

const PLAN: ServerPlan = {
  cluster: "redis-prod",
  node: "shard-1-a",
  version: "5.0.14",
  install: "source",
  port: 6379,
  maxmemoryBytes: 0,
  persistent: true,
};
const GIB = 1024 ** 3;

interface System {
  readonly mounted?: string;
  /** Of the device, at each look; the last one stays. */
  readonly sizes?: readonly number[];
  readonly resize?: string;
}

/** Runs it with the system answering like this. */
function grow(volumeGib: number | undefined, { mounted, sizes = [], resize = "true" }: System) {
  const looks = sizes.map((size, at) => `${at === sizes.length - 1 ? "*" : at}) echo ${size} ;;`);
  const system = `
findmnt() { ${mounted === undefined ? "return 1" : `echo '${mounted}'`}; }
blockdev() { case $tries in ${looks.join(" ")} esac; }
sleep() { :; }
resize2fs() { echo "$1" >&3; ${resize}; }
exec 3>&1
grow_volume`;
  const script = configureScript({ ...PLAN, ...(volumeGib === undefined ? {} : { volumeGib }) });
  const input = script.replace(/^main <.*$/m, () => system);
  return spawnSync("sh", ["-s"], { input, encoding: "utf8" });
}

describe("a data volume", () => {
  test("that has grown gives its room to the file system, under a bind mount as well", () => {
    const { status, stdout, stderr } = grow(80, { mounted: "/dev/nvme1n1[/redis]", sizes: [80 * GIB] });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe("/dev/nvme1n1\nchanged: data volume: 80 GiB\n");
  });

  test("that is as large as its file system changes nothing", () => {
    const resize = "echo 'The filesystem is already 20971520 (4k) blocks long.  Nothing to do!' >&2";
    const { status, stdout } = grow(80, { mounted: "/dev/nvme1n1", sizes: [80 * GIB], resize });
    expect([status, stdout]).toEqual([0, "/dev/nvme1n1\n"]);
  });

  test("whose new size the kernel does not see yet is waited for", () => {
    const { stdout } = grow(80, { mounted: "/dev/nvme1n1", sizes: [50 * GIB, 50 * GIB, 80 * GIB] });
    expect(stdout).toContain("changed: data volume: 80 GiB");
  });

  test("that stays small fails with both sizes and the cure, and the file system is left alone", () => {
    const { status, stdout, stderr } = grow(80, { mounted: "/dev/nvme1n1", sizes: [50 * GIB] });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /problem: shard-1-a: its data volume has 50 GiB instead of 80\n +cure: wait until AWS/,
    );
  });

  test("whose file system does not grow fails with what was said", () => {
    const said = [
      "resize2fs 1.47.0",
      "resize2fs: Permission denied to resize filesystem",
      "old_desc_blocks = 1",
    ];
    const resize = `${said.map((line) => `echo '${line}' >&2`).join("; ")}; return 1`;
    const { status, stderr } = grow(80, { mounted: "/dev/nvme1n1", sizes: [80 * GIB], resize });
    expect(status).toBe(1);
    expect(stderr).toContain("does not grow: resize2fs: Permission denied to resize filesystem\n");
  });

  test("that is none of the kit's is not looked at, and one that is missing is no reason to fail here", () => {
    for (const run of [
      grow(undefined, { mounted: "/dev/sda1", sizes: [GIB] }),
      grow(80, { sizes: [80 * GIB] }),
    ])
      expect([run.status, run.stdout, run.stderr]).toEqual([0, "", ""]);
  });
});
