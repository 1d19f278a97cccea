/**
 * One script, two stages: real redis-servers and the simulator's fake ones, at the same addresses. What they answer is
 * written down with ids replaced by node names, so that two transcripts can be compared line by line.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Argument,
  type Connector,
  type NodeClient,
  RedisReplyError,
  type Reply,
} from "../../cluster/client";
import { type Clock, systemClock } from "../../cluster/clock";
import { ioredisConnector } from "../../cluster/connection";
import { waitUntil } from "../../cluster/wait";
import { FakeCluster } from "../sim/fake/cluster";
import type { RedisVersion } from "../sim/fake/release";
import { simSpec } from "../sim/support/spec";

export const NODES = 6;
const HOST = "127.0.0.1";
export type Word = Argument;

export abstract class Stage {
  readonly transcript: string[] = [];
  private readonly clients = new Map<number, NodeClient>();
  private readonly names = new Map<string, string>();

  constructor(
    readonly basePort: number,
    private readonly connector: Connector,
    private readonly clock: Clock,
  ) {}

  abstract start(node: number): Promise<void>;
  /** SIGKILL */
  abstract kill(node: number): Promise<void>;
  abstract close(): Promise<void>;

  port(node: number): number {
    return this.basePort + node;
  }

  /** Runs a command and writes down what came back. */
  async say(node: number, ...command: [string, ...Word[]]): Promise<void> {
    await this.sayAll(node, [command]);
  }

  /** Several in one write, for commands that concern the next one. */
  async sayAll(node: number, commands: readonly [string, ...Word[]][]): Promise<void> {
    const replies = await (await this.client(node)).pipeline(commands);
    for (const [index, reply] of replies.entries()) {
      const words = (commands[index] ?? []).slice(0, 7);
      const asked = words.map((word) => (Buffer.isBuffer(word) ? "<bytes>" : word)).join(" ");
      this.transcript.push(`n${node}> ${this.clean(asked)} = ${this.clean(render(reply))}`);
    }
  }

  note(text: string): void {
    this.transcript.push(`# ${text}`);
  }

  /** Runs a command for its reply. */
  async ask(node: number, ...command: [string, ...Word[]]): Promise<Reply> {
    return (await this.client(node)).call(...command);
  }

  async id(node: number): Promise<string> {
    const id = String(await this.ask(node, "CLUSTER", "MYID"));
    this.names.set(id, `<n${node}>`);
    return id;
  }

  /** CLUSTER NODES without what differs from run to run, in order of address. */
  async nodes(node: number): Promise<string[]> {
    const lines = String(await this.ask(node, "CLUSTER", "NODES"))
      .trim()
      .split("\n");
    return lines
      .map((line) => {
        const fields = line.split(" ");
        fields[4] = fields[5] = "0";
        // Which epoch a replica shows is old news of its primary's: it depends on the last packets.
        if (fields[2]?.includes("slave")) fields[6] = "-";
        return this.clean(fields.join(" "));
      })
      .sort((a, b) => ((a.split(" ")[1] ?? "") < (b.split(" ")[1] ?? "") ? -1 : 1));
  }

  /** CLUSTER NODES, without the lines of `except`. */
  async showNodes(node: number, except: readonly number[] = []): Promise<void> {
    const left = except.map((other) => `<n${other}>`);
    const lines = (await this.nodes(node)).filter((line) => !left.some((name) => line.startsWith(name)));
    this.transcript.push(`n${node}> CLUSTER NODES`, ...lines.map((line) => `   ${line}`));
  }

  /** Fields of INFO or CLUSTER INFO. */
  async fields(node: number, command: [string, ...Word[]], names: readonly string[]): Promise<void> {
    const text = String(await this.ask(node, ...command));
    const found = names.map((name) => new RegExp(`^${name}:(.*)$`, "m").exec(text)?.[1]?.trim() ?? "none");
    this.transcript.push(
      `n${node}> ${command.join(" ")}: ${names.map((n, i) => `${n}=${found[i]}`).join(" ")}`,
    );
  }

  async until(what: string, look: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
    await waitUntil(async () => (await look()) || "not yet", { clock: this.clock, timeoutMs, what });
  }

  sleep(ms: number): Promise<void> {
    return this.clock.sleep(ms);
  }

  /** Opens the kept connection anew. */
  drop(node: number): void {
    this.clients.get(node)?.close();
    this.clients.delete(node);
  }

  async client(node: number): Promise<NodeClient> {
    const known = this.clients.get(node);
    if (known) return known;
    const target = { name: `n${node}`, host: HOST, port: this.port(node) };
    const client = await this.connector
      .connect(target, [], { replyTimeoutMs: 20_000 })
      .catch(async (error) => {
        // A node that wants a password is spoken to without one, to see what it says.
        if (!/NOAUTH/.test(String(error))) throw error;
        return this.connector.connect(target, ["hunter2"], { replyTimeoutMs: 20_000 });
      });
    this.clients.set(node, client);
    return client;
  }

  protected dropAll(): void {
    for (const node of [...this.clients.keys()]) this.drop(node);
  }

  private clean(text: string): string {
    let clean = text;
    for (const [id, name] of this.names) clean = clean.replaceAll(id, name);
    return clean.replace(/\b[0-9a-f]{40}\b/g, "<id>");
  }
}

function render(reply: Reply | RedisReplyError): string {
  if (reply instanceof RedisReplyError) return `(error) ${reply.message.trim()}`;
  if (typeof reply === "string") return reply.replaceAll("\r", "").trimEnd();
  return JSON.stringify(reply, (_key, value) =>
    value instanceof Error ? `(error) ${value.message}` : value,
  );
}

export class RealStage extends Stage {
  private readonly root = mkdtempSync(join(tmpdir(), "rck-fidelity-"));
  private readonly processes = new Map<number, ChildProcess>();
  private readonly endAll = () => {
    for (const child of this.processes.values()) child.kill("SIGKILL");
  };

  constructor(
    basePort: number,
    private readonly server: string,
    private readonly settings: readonly string[],
  ) {
    super(basePort, ioredisConnector(), systemClock);
    process.once("exit", this.endAll);
  }

  async start(node: number): Promise<void> {
    const dir = join(this.root, String(node));
    mkdirSync(dir, { recursive: true });
    const options = [
      "--port",
      String(this.port(node)),
      "--bind",
      HOST,
      "--dir",
      dir,
      "--cluster-enabled",
      "yes",
    ];
    const child = spawn(this.server, [...options, ...this.settings], { cwd: dir, stdio: "ignore" });
    this.processes.set(node, child);
    await this.until("the server to answer", async () => {
      try {
        return (await this.ask(node, "PING")) === "PONG";
      } catch {
        this.drop(node);
        return false;
      }
    });
  }

  async kill(node: number): Promise<void> {
    this.drop(node);
    const child = this.processes.get(node);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async close(): Promise<void> {
    this.dropAll();
    for (const node of this.processes.keys()) await this.kill(node);
    process.off("exit", this.endAll);
    rmSync(this.root, { recursive: true, force: true });
  }
}

export class FakeStage extends Stage {
  private readonly fake: FakeCluster;

  constructor(basePort: number, version: RedisVersion, settings: Readonly<Record<string, string>>) {
    const shape = simSpec({ shards: NODES, replicas: 0, zones: 3, version });
    const spec = {
      ...shape,
      password: "",
      nodeTimeoutMs: Number(settings["cluster-node-timeout"]),
      nodes: shape.nodes.map((node, index) => ({
        ...node,
        name: `n${index}`,
        host: HOST,
        port: basePort + index,
        busPort: basePort + index + 10_000,
        directives: settings,
      })),
    };
    const fake = new FakeCluster({ seed: 1, spec });
    super(basePort, fake.connector, fake.clock);
    this.fake = fake;
  }

  async start(node: number): Promise<void> {
    const declared = this.fake.spec.nodes[node];
    if (!declared) throw new Error(`no node ${node}`);
    await this.fake.hostFor(declared).start(declared);
    await this.fake.until("it to load", () => this.fake.node(declared.name).live.loading === false);
  }

  async kill(node: number): Promise<void> {
    this.drop(node);
    this.fake.node(`n${node}`).kill();
  }

  async close(): Promise<void> {
    this.dropAll();
  }
}
