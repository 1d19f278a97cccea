/** What target ssh declares: which commands, in which order, with nothing that replaces or tells a secret. */
// Loads TypeScript where the component asks for it by require.
import "../../../scripts/ts.cjs";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisCluster } from "../../../components";
import { tellWarnings, warningsIn } from "../../../components/server-connection";
import { readProjectFile } from "../../support/house/sources";

const PASSWORD = "component-password";
const SUDO = "the-sudo-password";
const KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nnot one\n-----END OPENSSH PRIVATE KEY-----\n";
const SECRET = "4dabf18193072939515e22adb298388d";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}
let registered: Registered[] = [];

class Mocks implements pulumi.runtime.Mocks {
  newResource({ type, name, inputs }: pulumi.runtime.MockResourceArgs) {
    registered.push({ type, name, inputs });
    const nodes = inputs.nodes?.map((node: object) => ({ ...node, role: "primary", id: "f".repeat(40) }));
    const state = { ...inputs, nodes, endpoints: [], drift: [], stdout: "ready", stderr: "" };
    return { id: `${name}-id`, state };
  }
  call() {
    return {};
  }
}

const settled = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

beforeAll(() => pulumi.runtime.setMocks(new Mocks(), "project", "stack"));
beforeEach(() => {
  registered = [];
});

const SERVERS = ["a", "b", "c", "a", "b", "c"].map((zone, index) => ({
  name: `redis-${index + 1}`,
  host: `10.0.0.${11 + index}`,
  zone,
}));

async function declare(part: object = {}): Promise<RedisCluster> {
  const cluster = new RedisCluster("cache", {
    target: "ssh",
    password: PASSWORD,
    sshPrivateKey: KEY,
    sudoPassword: SUDO,
    ssh: { user: "admin", servers: SERVERS, bastion: { host: "gate.example" } },
    ...part,
  });
  await settled(cluster.endpoints);
  // The exporters come after the cluster.
  await new Promise((resolve) => setTimeout(resolve, 200));
  return cluster;
}
const commands = () => registered.filter(({ type }) => type === "command:remote:Command");

describe("target ssh", () => {
  test("per server check, install, configure, then the cluster, then the exporter", async () => {
    await declare();
    const names = registered.map(({ name }) => name);
    for (const { name } of SERVERS) {
      for (const what of ["check", "install", "configure", "exporter"])
        expect(names).toContain(`cache-${name}-${what}`);
      expect(names.indexOf(`cache-${name}-configure`)).toBeGreaterThan(
        names.lastIndexOf("cache-redis-6-check"),
      );
      expect(names.indexOf(`cache-${name}-exporter`)).toBeGreaterThan(
        names.lastIndexOf("cache-redis-6-configure"),
      );
    }
    expect(commands()).toHaveLength(24);
    const topology = registered.findIndex(({ type }) => type.endsWith(":Topology"));
    expect(topology).toBeGreaterThan(names.lastIndexOf("cache-redis-6-configure"));
    expect(topology).toBeLessThan(names.indexOf("cache-redis-1-exporter"));
  });

  test("nothing that replaces, needs sshd's leave, or runs at the end; nothing is logged", async () => {
    await declare();
    for (const { inputs } of commands()) {
      expect(Object.keys(inputs).sort()).toEqual([
        "addPreviousOutputInEnv",
        "connection",
        "create",
        "logging",
        "stdin",
      ]);
      expect(inputs).toMatchObject({ addPreviousOutputInEnv: false, logging: "none" });
    }
  });

  test("every secret is in a secret, and none of the provisioning commands has Redis's password", async () => {
    await declare();
    for (const { inputs } of registered) {
      const open = Object.entries(inputs).filter(([, value]) => !JSON.stringify(value).includes(SECRET));
      for (const secret of [PASSWORD, SUDO, "not one"]) expect(JSON.stringify(open)).not.toContain(secret);
    }
    const withPassword = commands().filter(({ inputs }) => JSON.stringify(inputs).includes(PASSWORD));
    expect(new Set(withPassword.map(({ name }) => name.split("-").at(-1)))).toEqual(new Set(["exporter"]));
  });

  test("the output `declaration` has the keys to the servers in it, is a secret, and docs/security.md says what of", async () => {
    const { declaration } = await declare();
    expect(await pulumi.isSecret(declaration)).toBe(true);
    const text = await settled(declaration);
    const { password, ssh } = JSON.parse(text) as { password: string; ssh: Record<string, unknown> };
    expect([password, ssh.privateKey, ssh.sudoPassword]).toEqual([PASSWORD, KEY, SUDO]);
    const [, section = ""] = readProjectFile("docs/security.md").split("### The output `declaration`\n");
    const [told = ""] = section.split("\n## ");
    for (const part of ["the password", "redis.conf", "`sshPrivateKey`", "`sudoPassword`", "0600"])
      expect(told).toContain(part);
  });

  test("the way to a server: its user, its key, the bastion, bounded attempts", async () => {
    await declare();
    const text = JSON.stringify(commands()[0]?.inputs.connection);
    for (const part of [
      '"host":"10.0.0.11"',
      '"user":"admin"',
      '"host":"gate.example"',
      '"dialErrorLimit":15',
      '"perDialTimeout":15',
    ])
      expect(text).toContain(part);
  });

  test("with backups a timer a server, after the cluster; without, what is left of one goes", async () => {
    const timerIn = ({ inputs }: Registered) => JSON.stringify(inputs).match(/BACKUP=(yes|no)/)?.[1];
    await declare({ backup: { to: "/srv/backups" } });
    const names = registered.map(({ name }) => name);
    const topology = registered.findIndex(({ type }) => type.endsWith(":Topology"));
    for (const { name } of SERVERS) expect(names.indexOf(`cache-${name}-backup`)).toBeGreaterThan(topology);
    const configured = () => commands().filter(({ name }) => name.endsWith("-configure"));
    expect(configured().map(timerIn)).toEqual(SERVERS.map(() => "yes"));
    registered = [];
    await declare();
    expect(commands().filter(({ name }) => name.endsWith("-backup"))).toEqual([]);
    expect(configured().map(timerIn)).toEqual(SERVERS.map(() => "no"));
  });

  test("without monitoring no exporter; without sudoPassword the short command", async () => {
    await declare({ monitoring: { enabled: false }, sudoPassword: undefined });
    expect(commands()).toHaveLength(18);
    expect(commands()[0]?.inputs.create).toBe(
      `sh -c '[ "$(id -u)" = 0 ] && exec sh -s; exec sudo -n sh -s' check redis-1`,
    );
  });
});

test("warnings of many servers are one line", () => {
  const output = (node: string) => `changed: x\nwarning: ${node}: the clock: wrong\nready: ${node}\n`;
  const found = ["b", "a"].flatMap((node) => warningsIn(output(node)));
  expect(tellWarnings(found)).toEqual(["a, b: the clock: wrong"]);
});
