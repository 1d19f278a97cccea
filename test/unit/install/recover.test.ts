import { describe, expect, test } from "vitest";
import { pluginsIn } from "../../../install/orphans";
import { passwordInState } from "../../../scripts/password";
import { withoutPending } from "../../../scripts/recover";
import { takeStack } from "../../../scripts/stack";

function operation(type: string) {
  return { type: "creating", resource: { urn: `urn:pulumi:dev::p::${type}::x`, type, inputs: { a: 1 } } };
}

describe("operations that a killed run left", () => {
  test("are dropped where creating again is safe, and everything else stays", () => {
    const exported = {
      version: 3,
      deployment: {
        manifest: { time: "t" },
        resources: [{ urn: "u", type: "t", custom: true }],
        pending_operations: [
          operation("redis-cluster-kit:index:Topology"),
          operation("command:remote:Command"),
        ],
      },
    };
    const { pending_operations: _dropped, ...kept } = exported.deployment;
    expect(withoutPending(exported)).toEqual({ version: 3, deployment: kept });
  });

  test("stay for servers of a cloud, which would be made twice", () => {
    const server = operation("aws:ec2/instance:Instance");
    const exported = {
      version: 3,
      deployment: { pending_operations: [operation("redis-cluster-kit:index:Topology"), server] },
    };
    expect(withoutPending(exported).deployment.pending_operations).toEqual([server]);
  });

  test("a state without any is left as it is", () => {
    const exported = { version: 3, deployment: { resources: [] } };
    expect(withoutPending(exported)).toEqual(exported);
  });
});

describe("the password of a running stack", () => {
  const secret = (plain: unknown) => ({
    "4dabf18193072939515e22adb298388d": "1b47",
    plaintext: JSON.stringify(plain),
  });
  const stack = (outputs: unknown) => ({ type: "pulumi:pulumi:Stack", outputs });
  const topology = (inputs: unknown) => ({ type: "redis-cluster-kit:index:Topology", inputs });

  test.each([
    [
      "the stack's output",
      { resources: [stack({ password: secret("p1") }), topology({ password: secret("p2") })] },
      "p1",
    ],
    [
      "a resource of ours, when the first run was killed",
      { resources: [stack({}), topology({ password: secret("p2") })] },
      "p2",
    ],
    [
      "an operation that was under way",
      { resources: [stack({})], pending_operations: [{ resource: topology({ password: secret("p3") }) }] },
      "p3",
    ],
    [
      "somebody else's resource is not asked",
      { resources: [{ type: "random:x", inputs: { password: secret("p4") } }] },
      undefined,
    ],
    ["nothing deployed", {}, undefined],
    ["a password that is no text", { resources: [stack({ password: secret({ a: 1 }) })] }, undefined],
  ])("%s", (_name, deployment, password) => {
    expect(passwordInState({ version: 3, deployment })).toBe(password);
  });
});

describe("arguments of up and down", () => {
  test.each([
    [[], {}, "dev", []],
    [["--stack", "staging", "--diff"], {}, "staging", ["--diff"]],
    [["--stack=staging"], {}, "staging", []],
    [["-s", "prod", "--target", "x"], {}, "prod", ["--target", "x"]],
    [["--diff"], { PULUMI_STACK: "qa" }, "qa", ["--diff"]],
    [["--stack", "dev"], { PULUMI_STACK: "qa" }, "dev", []],
  ])("%j with %j", (args, env, stack, rest) => {
    expect(takeStack(args, env)).toEqual({ stack, rest });
  });

  test("an option without its name is refused", () => {
    expect(() => takeStack(["--stack"], {})).toThrow(/--stack needs the name of a stack/);
  });
});

describe("plugins that a killed engine left", () => {
  const root = "/home/ada/kit";
  const ps = [
    `  101 /cache/pulumi-language-nodejs -typescript=false -root=${root} 127.0.0.1:4001`,
    `  102 node ${root}/bin/pulumi-resource-redis-cluster-kit 127.0.0.1:4002`,
    "  103 /cache/pulumi-language-nodejs -root=/home/ada/other 127.0.0.1:4003",
    "  104 node /home/ada/other/bin/pulumi-resource-redis-cluster-kit 127.0.0.1:4004",
    `  105 vim ${root}/bin/pulumi-resource-redis-cluster-kit`,
    `  106 /usr/bin/redis-server 127.0.0.1:7000`,
    `  107 node ${root}/bin/pulumi-resource-random 127.0.0.1:4007`,
    `  108 /cache/pulumi-language-nodejs -root=${root}-2 127.0.0.1:4008`,
  ].join("\n");

  test("are those that run this project, with their engine's address", () => {
    expect(pluginsIn(ps, root)).toEqual([
      { pid: 101, engine: "127.0.0.1:4001" },
      { pid: 102, engine: "127.0.0.1:4002" },
    ]);
  });
});
