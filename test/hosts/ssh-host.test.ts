/** One server over ssh: what the engine's host interface promises, and what goes wrong on the way. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { utils } from "ssh2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ioredisConnector } from "../../cluster/connection";
import type { NodeSpec } from "../../cluster/spec";
import type { Declaration } from "../../provider/declaration";
import { type Lab, type LabHost, startLab } from "./support/lab";
import { declareOn, dropConnections, PASSWORD, provision, SshCluster } from "./support/ssh-cluster";
import { describeWithLab } from "./support/tier";

const UNIT = "redis-cluster-kit.service";

describeWithLab("a server over ssh", () => {
  let lab: Lab;
  let declaration: Declaration;

  beforeAll(async () => {
    // The configuration wants three shards; only the first server is used as a node here.
    lab = await startLab({ hosts: 3, bastion: true });
    declaration = await declareOn(lab, { replicasPerShard: 0 });
    await provision(lab, lab.hosts.slice(0, 1));
  });
  afterAll(() => lab?.stop());

  const server = (number: number): LabHost => {
    const host = lab.hosts[number - 1];
    if (!host) throw new Error(`the lab has no host ${number}`);
    return host;
  };

  /** Runs `body` with the first node, under the declaration as `change` leaves it. */
  async function withNode(
    body: (cluster: SshCluster, node: NodeSpec) => Promise<void>,
    change: (ssh: NonNullable<Declaration["ssh"]>) => NonNullable<Declaration["ssh"]> = (ssh) => ssh,
    options: ConstructorParameters<typeof SshCluster>[1] = {},
  ): Promise<void> {
    const { ssh } = declaration;
    if (!ssh) throw new Error("the declaration has no way to its servers");
    const cluster = new SshCluster({ ...declaration, ssh: change(ssh) }, options);
    try {
      await body(cluster, cluster.node("h1"));
    } finally {
      await cluster.close();
    }
  }

  /** The same way to all servers but for some properties of the first. */
  const withServer =
    (changes: object) =>
    (ssh: NonNullable<Declaration["ssh"]>): NonNullable<Declaration["ssh"]> => {
      const { h1, ...others } = ssh.servers;
      if (!h1) throw new Error("there is no h1");
      return { ...ssh, servers: { ...others, h1: { ...h1, ...changes } } };
    };

  const pidOf = async (cluster: SshCluster, node: NodeSpec) => (await cluster.host(node).inspect(node)).pid;

  it("prepares, starts, tells, stops and purges a node", () =>
    withNode(async (cluster, node) => {
      const host = cluster.host(node);
      expect(await host.inspect(node)).toMatchObject({ process: "stopped", data: "empty" });
      await host.preflight([node]);
      expect(await host.prepare(node)).toBe(true);
      expect(await host.prepare(node)).toBe(false);
      expect(await lab.exec(server(1), ["stat", "-c", "%a %U:%G", "/etc/redis/redis.conf"])).toBe(
        "640 root:redis\n",
      );
      await host.start(node);
      await host.start(node);
      const facts = await host.inspect(node);
      expect(facts).toMatchObject({ process: "running", data: "present", configSha256: node.configSha256 });
      expect(facts).toMatchObject({
        installedVersion: declaration.redisVersion,
        dataVersion: declaration.redisVersion,
      });
      expect(String(facts.pid)).toBe(
        (await lab.exec(server(1), ["systemctl", "show", UNIT, "--property=MainPID", "--value"])).trim(),
      );
      expect(await host.logTail(node, 50)).toMatch(/Ready to accept connections|Server initialized/);
      expect([
        await host.probe(node, node.host, node.port, 2_000),
        await host.probe(node, node.host, 1, 2_000),
        await host.probe(node, "192.0.2.77", 1, 1_000),
      ]).toEqual(["open", "refused", "timeout"]);
      await expect(host.purge(node)).rejects.toThrow(/server "h1".*Redis runs there/);
      await host.stop(node);
      await host.stop(node);
      expect((await host.inspect(node)).process).toBe("stopped");
      await host.purge(node);
      expect(await host.inspect(node)).toMatchObject({ process: "stopped", data: "empty" });
      expect((await lab.tryExec(server(1), ["test", "-e", "/etc/redis/redis.conf"])).code).toBe(1);
    }));

  it("keeps a deliberately killed node down, and does not call one stopped that systemd brings back", () =>
    withNode(async (cluster, node) => {
      const host = cluster.host(node);
      await host.start(node);
      await host.stop(node, { kill: true });
      expect((await host.inspect(node)).process).toBe("stopped");
      // Longer than RestartSec.
      await sleep(3_000);
      expect((await host.inspect(node)).process).toBe("stopped");
      await host.start(node);
      const pid = await pidOf(cluster, node);
      await lab.exec(server(1), ["kill", "-KILL", String(pid)]);
      const after = await host.inspect(node);
      expect(after.process).not.toBe("stopped");
      await expect.poll(() => pidOf(cluster, node), { timeout: 20_000 }).toEqual(expect.any(Number));
      expect(await pidOf(cluster, node)).not.toBe(pid);
      await host.stop(node, { kill: true });
    }));

  it("tells why Redis does not start, without the password, and leaves no unit that tries for ever", async () => {
    const files = { ...declaration.files, h1: `${declaration.files.h1 ?? ""}\nno-such-directive yes\n` };
    const cluster = new SshCluster({ ...declaration, files });
    try {
      const node = cluster.node("h1");
      const failure: unknown = await cluster
        .host(node)
        .start(node)
        .catch((error: unknown) => error);
      expect(String(failure)).toMatch(
        /server "h1" \(admin@[\d.]+\): redis-server ended at its start[\s\S]*no-such-directive/,
      );
      expect(String(failure)).not.toContain(PASSWORD);
      expect((await cluster.host(node).inspect(node)).process).toBe("stopped");
    } finally {
      await cluster.close();
    }
  });

  it("names the program that has its port, a disk that is full, and a server that is not set up", () =>
    withNode(async (cluster, node) => {
      const host = cluster.host(node);
      await lab.sh(
        server(1),
        "systemd-run --quiet --unit=squatter systemd-socket-activate --listen=6379 /bin/cat",
      );
      await expect
        .poll(async () => (await host.inspect(node)).portHolder, { timeout: 10_000 })
        .toMatchObject({ port: 6379 });
      await expect(host.preflight([node])).rejects.toThrow(
        /server "h1".*port 6379 is taken by systemd-socket-\S* \(pid \d+\)/,
      );
      await expect(host.start(node)).rejects.toThrow(/port 6379 is taken by systemd-socket/);
      await lab.exec(server(1), ["systemctl", "stop", "squatter"]);
      await lab.fillDisk(server(1), "/etc/redis");
      await expect(host.prepare(node)).rejects.toThrow(/server "h1".*its disk is full/);
      await lab.restoreDisk(server(1), "/etc/redis");
      const bare = cluster.node("h2");
      await expect(cluster.host(bare).preflight([bare])).rejects.toThrow(
        /server "h2".*not set up.*pulumi up/,
      );
      await expect(cluster.host(bare).start(bare)).rejects.toThrow(/server "h2".*not set up.*pulumi up/);
    }));

  it("goes on over a connection that breaks in the middle, and gives up after a few tries with the reason", () => {
    const told: string[] = [];
    return withNode(
      async (cluster, node) => {
        const host = cluster.host(node);
        await host.start(node);
        const stopping = host.stop(node, { timeoutMs: 60_000 });
        await dropConnections(lab, server(1));
        await stopping;
        expect((await host.inspect(node)).process).toBe("stopped");
        await dropConnections(lab, server(1));
        expect((await host.inspect(node)).process).toBe("stopped");
        await host.start(node);
        await lab.exec(server(1), ["systemctl", "stop", "ssh"]);
        await dropConnections(lab, server(1));
        expect(await host.inspect(node)).toMatchObject({
          process: "unknown",
          detail: expect.stringMatching(/server "h1" \(admin@[\d.]+\).*(refused|lost).*sshd/),
        });
        await lab.exec(server(1), ["systemctl", "start", "ssh"]);
        expect((await host.inspect(node)).process).toBe("running");
        await host.stop(node, { kill: true });
      },
      undefined,
      { report: (line) => told.push(line) },
    ).then(() => expect(told.join("\n")).toMatch(/connection was lost.*trying again/));
  });

  it("names a server that does not answer, and leaves the others alone", () =>
    withNode(
      async (cluster, node) => {
        const facts = await cluster.host(node).inspect(node);
        expect(facts).toMatchObject({ process: "unknown", data: "unknown" });
        expect(facts.detail).toMatch(
          /server "h1" \(admin@[\d.]+:2222\) cannot be reached: connection refused.*The other servers/,
        );
        const other = cluster.node("h2");
        expect((await cluster.host(other).inspect(other)).process).toBe("stopped");
      },
      withServer({ port: 2222 }),
    ));

  it("refuses another host key than the declared, and than the one learned before", async () => {
    const wrong = `ssh-ed25519 ${utils.generateKeyPairSync("ed25519").public.split(" ")[1] ?? ""}`;
    await withNode(
      async (cluster, node) => {
        await expect(cluster.host(node).inspect(node)).rejects.toThrow(
          /server "h1".*another host key than the declared one: expected ssh-ed25519 SHA256:\S+, found ssh-ed25519 SHA256:/,
        );
      },
      withServer({ hostKey: wrong }),
    );
    let learned: Readonly<Record<string, string>> = {};
    await withNode(
      async (cluster, node) => {
        expect((await cluster.host(node).inspect(node)).process).toBe("stopped");
        learned = cluster.access.hostKeys();
        expect(learned).toEqual({ [server(1).address]: lab.ssh(server(1)).hostKey });
      },
      withServer({ hostKey: undefined }),
    );
    await lab.changeHostKey(server(1));
    const again = { hostKeys: learned };
    await withNode(
      async (cluster, node) => {
        await expect(cluster.host(node).inspect(node)).rejects.toThrow(
          /another host key than the one it had before/,
        );
        await expect(cluster.apply()).rejects.toThrow(/another host key than the one it had before/);
      },
      withServer({ hostKey: undefined }),
      again,
    );
    declaration = { ...declaration, ...(await declareOn(lab, { replicasPerShard: 0 })) };
  });

  it("tells a wrong key, a missing key and an encrypted one apart", async () => {
    const stranger = utils.generateKeyPairSync("ed25519").private;
    await withNode(
      (cluster, node) =>
        expect(cluster.host(node).inspect(node)).rejects.toThrow(
          /server "h1" \(admin@[\d.]+\) does not let admin in with the declared ssh-ed25519 key.*authorized_keys/,
        ),
      (ssh) => ({ ...ssh, privateKey: stranger }),
    );
    const locked = utils.generateKeyPairSync("ed25519", {
      passphrase: "four words",
      cipher: "aes256-ctr",
      rounds: 16,
    }).private;
    const open = (privateKey: string) =>
      withNode(
        async () => undefined,
        (ssh) => ({ ...ssh, privateKey }),
      );
    await expect(open(locked)).rejects.toThrow(/private key for ssh cannot be read: it has a passphrase/);
    await expect(open("nonsense")).rejects.toThrow(/private key for ssh cannot be read/);
  });

  it("uses the keys of an agent where none is declared", async () => {
    const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-agent-"));
    const socket = join(folder, "socket");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
      const keyless = ({ privateKey: _, ...ssh }: NonNullable<Declaration["ssh"]>) => ({
        ...ssh,
        agent: socket,
      });
      await withNode(
        (cluster, node) =>
          expect(cluster.host(node).inspect(node)).rejects.toThrow(
            /does not let admin in with the keys of the ssh agent/,
          ),
        keyless,
      );
      const env = { PATH: process.env.PATH, SSH_AUTH_SOCK: socket };
      execFileSync("ssh-add", ["-q", "-"], {
        input: lab.privateKey,
        env,
        stdio: ["pipe", "ignore", "ignore"],
      });
      await withNode(async (cluster, node) => {
        expect((await cluster.host(node).inspect(node)).process).toBe("stopped");
      }, keyless);
    } finally {
      agent.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("sudoes with a password on stdin, and tells a wrong or missing one", async () => {
    const operator = (sudoPassword: string | undefined) => (ssh: NonNullable<Declaration["ssh"]>) => ({
      ...withServer({ user: "operator" })(ssh),
      ...(sudoPassword === undefined ? {} : { sudoPassword }),
    });
    await withNode(async (cluster, node) => {
      await cluster.host(node).start(node);
      expect((await cluster.host(node).inspect(node)).configSha256).toBe(node.configSha256);
      await cluster.host(node).stop(node, { kill: true });
    }, operator(lab.sudoPassword));
    await withNode(async (cluster, node) => {
      const failure: unknown = await cluster
        .host(node)
        .inspect(node)
        .catch((error: unknown) => error);
      expect(String(failure)).toMatch(/refuses the declared sudo password of operator/);
      expect(String(failure)).not.toContain("not-the-password");
    }, operator("not-the-password"));
    await withNode(
      (cluster, node) =>
        expect(cluster.host(node).inspect(node)).rejects.toThrow(/operator may not sudo without a password/),
      operator(undefined),
    );
    // Neither password may have become part of a message or of a log.
    const journal = await lab.exec(server(1), ["journalctl", "--no-pager"]);
    for (const secret of [PASSWORD, lab.sudoPassword, "not-the-password"])
      expect(journal).not.toContain(secret);
  });

  it("reaches servers through a bastion, and Redis through them, where there is no other way", async () => {
    const bastion = lab.bastion;
    if (!bastion) throw new Error("a bastion was asked for");
    await lab.cutFromHere([server(1)]);
    const through = (ssh: NonNullable<Declaration["ssh"]>) => ({ ...ssh, bastion: lab.ssh(bastion) });
    try {
      await withNode(async (cluster, node) => {
        const host = cluster.host(node);
        await host.start(node);
        const connector = ioredisConnector(host.dial?.bind(host));
        const client = await connector.connect(node, [PASSWORD], {});
        // Whoever is closed is gone on the server, too: the run's lock is a connection's name.
        const closed = await connector.connect(node, [PASSWORD], { clientName: "closed-by-us" });
        expect(String(await client.call("CLIENT", "LIST"))).toContain("closed-by-us");
        closed.close();
        await expect
          .poll(async () => String(await client.call("CLIENT", "LIST")), { timeout: 5_000 })
          .not.toContain("closed-by-us");
        expect(await client.call("PING")).toBe("PONG");
        const value = "x".repeat(3_000_000);
        await client.call("CONFIG", "SET", "cluster-require-full-coverage", "no");
        expect(String(await client.call("ECHO", value))).toBe(value);
        client.close();
        await dropConnections(lab, bastion);
        expect((await host.inspect(node)).process).toBe("running");
        await host.stop(node, { kill: true });
        await expect(ioredisConnector(host.dial?.bind(host)).connect(node, [PASSWORD], {})).rejects.toThrow(
          /connection refused/,
        );
      }, through);
      const foreign = lab.ssh(server(2)).hostKey;
      await withNode(
        (cluster, node) =>
          expect(cluster.host(node).inspect(node)).rejects.toThrow(
            /bastion \(admin@[\d.]+\) shows another host key/,
          ),
        (ssh) => ({ ...through(ssh), bastion: { ...lab.ssh(bastion), hostKey: foreign } }),
      );
    } finally {
      await lab.heal();
    }
  });

  it("gives files of the server, byte by byte", () =>
    withNode(async (cluster, node) => {
      const host = cluster.host(node);
      await lab.sh(
        server(1),
        "head -c 3000000 /dev/urandom | base64 -w0 >/var/lib/redis/big; chmod 600 /var/lib/redis/big",
      );
      const file = await host.readFile?.(node, "/var/lib/redis/big");
      const content = await lab.exec(server(1), ["cat", "/var/lib/redis/big"]);
      expect(file?.size).toBe(content.length);
      expect(file && (await text(file.stream)) === content).toBe(true);
      await expect(host.readFile?.(node, "/var/lib/redis/none")).rejects.toMatchObject({ code: "ENOENT" });
    }));
});
