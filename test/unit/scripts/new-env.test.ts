/** What a new environment's stack file begins with. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { main, stackFile, withoutSecrets, writeNew } from "../../../scripts/tasks/new-env";

describe("a new environment", () => {
  it("has the example's keys and comments", () => {
    const text = stackFile("local");
    expect(text).toContain("# yaml-language-server: $schema=./Pulumi.schema.json");
    expect((parse(text) as { config: object }).config).toMatchObject({ "redis-cluster-kit:target": "local" });
  });

  it("has none of the example's secrets, and not the salt that they were encrypted with", () => {
    const text = `encryptionsalt: v1:abc=
config:
  # Kept.
  redis-cluster-kit:shards: "3"
  redis-cluster-kit:password:
    secure: v1:def==
  redis-cluster-kit:redis:
    maxmemory: 64mb
  redis-cluster-kit:sshPrivateKey:
    secure: v1:ghi
`;
    const left = withoutSecrets(text);
    expect(left).not.toMatch(/secure|encryptionsalt|password|sshPrivateKey/);
    expect(left).toContain("# Kept.");
    expect(parse(left)).toEqual({
      config: { "redis-cluster-kit:shards": "3", "redis-cluster-kit:redis": { maxmemory: "64mb" } },
    });
  });

  it.each([
    [[], "One name is needed"],
    [["a", "b"], "One name is needed"],
    [["../a"], "is no name for a stack"],
    [["a", "--target", "mars"], "is no target"],
    [["a", "--target=constructor"], "is no target"],
    [["dev"], "is there already"],
  ])("is refused as %j", async (args, problem) => {
    await expect(main(args)).rejects.toThrow(problem);
  });
});

describe("its file", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-new-env-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("stays when the stack to it has been made", () => {
    const file = join(folder, "Pulumi.qa.yaml");
    writeNew(file, "config: {}\n", () => expect(readFileSync(file, "utf8")).toBe("config: {}\n"));
    expect(existsSync(file)).toBe(true);
  });

  it("is gone when that failed, so that the next attempt is not refused; one that was there before stays", () => {
    const file = join(folder, "Pulumi.qa.yaml");
    const fail = () => {
      throw new Error("no such backend");
    };
    for (const _attempt of [1, 2]) {
      expect(() => writeNew(file, "config: {}\n", fail)).toThrow("no such backend");
      expect(existsSync(file)).toBe(false);
    }
    writeNew(file, "mine\n", () => undefined);
    expect(() => writeNew(file, "config: {}\n", fail)).toThrow("EEXIST");
    expect(readFileSync(file, "utf8")).toBe("mine\n");
  });
});
