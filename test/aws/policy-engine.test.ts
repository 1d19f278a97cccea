/** The policy pack as the engine runs it: `pulumi preview --policy-pack PATH/policy` on Pulumi.prod.yaml, against moto. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../program/support/stack";
import { prod } from "./support/prod";
import { AwsStack } from "./support/stack";

let stack: AwsStack;

beforeAll(async () => {
  stack = await AwsStack.create();
  // The whole of Pulumi.prod.yaml; its secrets are the test's.
  const { password: _, sshPrivateKey: __, ...declared } = prod();
  const keys = Object.entries(declared).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  await stack.must("config", "rm", "aws");
  await stack.must("config", "set-all", ...keys.flatMap((pair) => ["--plaintext", pair]));
});
afterAll(() => stack?.end());

/** From another folder than the stack's: as somebody with a checkout and a stack of their own does. */
const preview = () => stack.pulumi("preview", "--policy-pack", join(ROOT, "policy"));

test("the prod stack is green", async () => {
  const { code, output } = await preview();
  expect(output).toMatch(/Policies:\s+\S+ redis-cluster-kit@v0\.1\.0/);
  expect(output).not.toMatch(/\[mandatory\]|using pulumi-analyzer-policy/);
  expect(code, output).toBe(0);
});

test("a port that is open behind the kit's own flag is red, with what to do", async () => {
  const { aws } = prod({ clientCidrs: ["0.0.0.0/0"], exposeToTheWholeInternet: true });
  await stack.must("config", "set", "aws", JSON.stringify(aws));
  const { code, output } = await preview();
  expect(code).not.toBe(0);
  expect(output).toMatch(/\[mandatory\]\s+no-open-redis-port[\s\S]*port 6379 is open to 0\.0\.0\.0\/0/);
});
