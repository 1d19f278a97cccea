import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { connectSnippets } from "../../../components/connect";

const nodes = [7000, 7001, 7002, 7003].map((port) => ({ host: "10.0.0.7", port }));
const snippets = connectSnippets(nodes, "pulumi stack output password --show-secrets");

describe("ready-to-paste ways in", () => {
  test("are what a person expects", () => {
    expect(snippets).toMatchSnapshot();
  });

  test("are valid Python and JavaScript", () => {
    for (const code of [snippets.pythonRediscluster, snippets.pythonRedis])
      execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: code });
    expect(() => new Function("require", "process", snippets.ioredis)).not.toThrow();
  });

  test("read the password from the environment", () => {
    const { auth, redisCli, ...code } = snippets;
    expect(auth).toContain("REDISCLI_AUTH");
    expect(redisCli).not.toMatch(/ -a\b|--pass/);
    for (const text of Object.values(code)) expect(text).toContain("REDISCLI_AUTH");
  });

  test("name three nodes at most, and one where there is one", () => {
    expect(snippets.ioredis.match(/port: /g)).toHaveLength(3);
    expect(connectSnippets(nodes.slice(0, 1), "x").ioredis.match(/port: /g)).toHaveLength(1);
  });
});
