/** What a new environment's stack file begins with. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { main, stackFile, withoutSecrets } from "../../../scripts/tasks/new-env";

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
