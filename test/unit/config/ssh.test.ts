import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../config";
import { layOut } from "../../../topology";
import { CONTEXT, problemOf, problemsOf } from "./context";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Jt8mJx0Jt8mJx0Jt8mJx0Jt8mJx0Jt8mJx0Jt8mJx";
const server = (number: number, part: object = {}) => ({
  name: `redis-${number}`,
  host: `10.0.0.${10 + number}`,
  zone: "abc"[(number - 1) % 3] ?? "a",
  ...part,
});
const SIX = [1, 2, 3, 4, 5, 6].map((number) => server(number));
const stack = (ssh: object, more: object = {}) => ({ target: "ssh", ssh: { servers: SIX, ...ssh }, ...more });

function parse(raw: object) {
  const config = parseConfig(raw, CONTEXT);
  if (config.target !== "ssh") throw new Error("not the ssh target");
  return config;
}

describe("target ssh", () => {
  test("six servers are three shards on port 6379, with the defaults for servers", () => {
    const config = parse(stack({}));
    expect(config).toMatchObject({
      shards: 3,
      redisPort: 6379,
      bind: "address",
      install: "source",
      dials: 15,
    });
    expect(config.zones).toEqual(["a", "b", "c"]);
    expect(config.dataDirectory).toBe("/var/lib/redis");
    expect(config.redis).toMatchObject({
      "cluster-node-timeout": "5000",
      appendonly: "yes",
      maxmemory: String(8 * 1024 ** 3),
      "maxmemory-policy": "allkeys-lru",
    });
    expect(config.servers[0]).toMatchObject({
      user: "root",
      port: 22,
      address: "10.0.0.11",
      announce: "10.0.0.11",
    });
    const nodes = layOut(config).nodes.map(({ name, host, port, busPort, shard }) => [
      name,
      host,
      port,
      busPort,
      shard,
    ]);
    expect(nodes[0]).toEqual(["redis-1", "10.0.0.11", 6379, 16379, 0]);
    expect(nodes).toHaveLength(6);
  });

  test("eight servers are four shards, and the first six stay what they were", () => {
    const eight = [...SIX, server(7), server(8)];
    const before = layOut(parse(stack({}))).nodes;
    expect(layOut(parse(stack({ servers: eight }))).nodes.slice(0, 6)).toEqual(before);
  });

  test("text is read as well: what `pulumi config set` writes", () => {
    const config = parse({
      target: "ssh",
      ssh: JSON.stringify({
        servers: SIX.map((each) => ({ ...each, port: "2222" })),
        redisPort: "7000",
        user: "admin",
      }),
    });
    expect(config.servers[5]).toMatchObject({ port: 2222, user: "admin" });
    expect(config.redisPort).toBe(7000);
  });

  test("other names inside and outside, a bastion, a comment after a key", () => {
    const own = server(1, {
      host: "redis-1.example",
      address: "10.0.0.11",
      announce: "192.0.2.1",
      hostKey: `${KEY} me@x`,
    });
    const config = parse(
      stack({ servers: [own, ...SIX.slice(1)], bastion: { host: "gate.example", user: "jump" } }),
    );
    expect(config.servers[0]).toMatchObject({ host: "redis-1.example", announce: "192.0.2.1", hostKey: KEY });
    expect(config.bastion).toEqual({ host: "gate.example", user: "jump", port: 22 });
    expect(layOut(config).nodes[0]?.host).toBe("192.0.2.1");
  });

  const replaced = (index: number, part: object) =>
    stack({ servers: SIX.map((each, at) => (at === index ? { ...each, ...part } : each)) });

  test.each([
    [{ target: "ssh" }, "ssh", "the servers, since target is ssh"],
    [stack({ servers: [] }), "ssh.servers", "1 to 300 servers"],
    [stack({ servers: SIX.slice(0, 5) }), "ssh.servers", "6: 3 shards of 2 nodes"],
    [
      stack({ servers: [...SIX, server(7)] }),
      "ssh.servers",
      "6: 3 shards of 2 nodes, 2 more servers for every further shard",
    ],
    [stack({}, { shards: 4 }), "ssh.servers", "8: 4 shards of 2 nodes"],
    [stack({}, { zones: ["a", "b"] }), "ssh.servers[2].zone", "one of the zones a, b"],
    [replaced(5, { host: "10.0.0.11" }), "ssh.servers[5].host", "redis-1 has this host"],
    [replaced(5, { name: "redis-1" }), "ssh.servers[5].name", "redis-1 has this name"],
    [
      replaced(5, { host: "x.example", address: "10.0.0.11" }),
      "ssh.servers[5].address",
      "redis-1 has this address",
    ],
    [replaced(5, { announce: "10.0.0.11" }), "ssh.servers[5].announce", "redis-1 has this announce"],
    [replaced(0, { host: "redis-1.example" }), "ssh.servers[0].address", "the IPv4 address of redis-1"],
    [replaced(0, { host: "-oProxyCommand=x" }), "ssh.servers[0].host", "a host name or an IPv4 address"],
    [replaced(0, { user: "a b" }), "ssh.servers[0].user", "a user name in lower case"],
    [replaced(0, { hostKey: "AAAA" }), "ssh.servers[0].hostKey", "ssh-keyscan"],
    [replaced(0, { address: "127.0.0.1" }), "ssh.servers[0].address", "one IPv4 address of the server"],
    [replaced(0, { zoen: "a" }), "ssh.servers[0].zoen", "no such key"],
    [
      stack({ servers: SIX.map((each, at) => ({ ...each, zone: at < 4 ? "a" : "b" })) }),
      "ssh.servers",
      "members in different zones",
    ],
    [stack({ redisPort: 60_000 }), "ssh.redisPort", "1 to 55535"],
    [stack({ bastion: {} }), "ssh.bastion.host", "a host name"],
    [stack({ install: "archive" }), "redisSource", "since ssh.install is archive"],
    [
      stack({ install: "package" }, { redisSource: "/x.tar.gz" }),
      "redisSource",
      "the distribution's Redis is used",
    ],
    [stack({}, { basePort: 7000 }), "basePort", "target ssh has no use for it"],
    [{ ssh: { servers: SIX } }, "ssh", "target local has no use for it"],
    [stack({}, { sshPrivateKey: "hello" }), "sshPrivateKey", "OpenSSH or PEM"],
  ])("refused %#: %j", (raw, property, expected) => {
    const [problem] = problemsOf(raw);
    expect(problem?.property).toBe(property);
    expect(problem?.expected).toContain(expected);
    expect(problem?.cure).not.toBe("");
  });

  test("secrets are not shown", () => {
    expect(problemOf(stack({}, { sshPrivateKey: "my-secret-key" })).value).toBe("(not shown)");
    expect(problemOf(stack({}, { sudoPassword: "my-\nsecret" })).value).toBe("(not shown)");
  });
});
