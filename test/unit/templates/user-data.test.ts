import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bastionUserData, nodeUserData, SERVER_USER } from "../../../templates/aws/user-data";

const NODE = {
  cluster: "redis-prod",
  node: "shard-1-a",
  volumeId: "vol-0123456789abcdef0",
  publicKey: 'ssh-ed25519 AAAA ops "at" example: # home',
};

interface CloudConfig {
  readonly bootcmd: readonly string[];
  readonly users: readonly {
    readonly name: string;
    readonly ssh_authorized_keys: readonly string[];
    shell: string;
  }[];
  readonly ssh_pwauth: boolean;
  readonly ssh_deletekeys: boolean;
}

describe("cloud-init of a node's server", () => {
  const text = nodeUserData(NODE);
  const config = parse(text) as CloudConfig;

  test("is a cloud-config with one user, and the key as it was given", () => {
    expect(text.split("\n")[0]).toBe("#cloud-config");
    expect(config.users).toMatchObject([{ name: SERVER_USER, ssh_authorized_keys: [NODE.publicKey] }]);
    expect([config.ssh_pwauth, config.ssh_deletekeys]).toEqual([false, false]);
    expect(text).not.toContain("{{");
  });

  test("mounts the node's own volume by its id, and makes a file system only where there is nothing at all", () => {
    const [script = ""] = config.bootcmd;
    expect(script).toContain("volume=vol0123456789abcdef0\n");
    expect(script).toContain('if [ "$found" -eq 2 ]; then mkfs.ext4');
    expect(script).toContain("ConditionPathIsMountPoint");
    // cloud-init runs it with sh.
    const checked = spawnSync("sh", ["-n"], { input: script, encoding: "utf8" });
    expect([checked.status, checked.stderr]).toEqual([0, ""]);
  });

  test("stays below the 16 KiB that EC2 takes", () => {
    expect(Buffer.byteLength(text)).toBeLessThan(16_384);
  });
});

test("the bastion lets ports be forwarded, and nothing be run", () => {
  const config = parse(bastionUserData(NODE)) as CloudConfig;
  expect(config.users).toMatchObject([
    { shell: "/usr/sbin/nologin", ssh_authorized_keys: [`restrict,port-forwarding ${NODE.publicKey}`] },
  ]);
});
