/** What a backup keeps of the nodes besides their keys: nodes.conf as they tell it, redis.conf without secrets. */
import { text as readText } from "node:stream/consumers";
import { parseInfo } from "../cluster/parse";
import type { Sessions } from "../cluster/sessions";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { Host } from "../hosts/host";
import type { NodeRecord } from "./manifest";

/** Whole lines that hold a secret, or may. */
const SECRET = /^\s*(requirepass|masterauth|masteruser|primaryauth|user|rename-command|tls-\S*-pass)\b/i;

export function withoutSecrets(redisConf: string, secrets: readonly string[]): string {
  const lines = redisConf.split("\n").map((line) => {
    const [, name] = SECRET.exec(line) ?? [];
    return name === undefined ? line : `# ${name}: not kept in backups`;
  });
  return secrets
    .filter((secret) => secret !== "")
    .reduce((text, secret) => text.replaceAll(secret, "(not shown)"), lines.join("\n"));
}

export async function recordNodes(
  spec: ClusterSpec,
  sessions: Sessions,
  hostOf: (node: NodeSpec) => Host,
): Promise<NodeRecord[]> {
  const secrets = [spec.password, ...spec.previousPasswords];
  return Promise.all(spec.nodes.map((node) => record(node, sessions, hostOf(node), secrets)));
}

async function record(
  node: NodeSpec,
  sessions: Sessions,
  host: Host,
  secrets: readonly string[],
): Promise<NodeRecord> {
  const { name } = node;
  try {
    const [nodesConf, info] = await sessions.withClient(node, async (client) => [
      String(await client.call("CLUSTER", "NODES")),
      parseInfo(String(await client.call("INFO", "server"))),
    ]);
    const path = info.get("config_file");
    const redisConf = path ? await readConf(host, node, path).catch(() => undefined) : undefined;
    return {
      name,
      nodesConf,
      ...(redisConf === undefined ? {} : { redisConf: withoutSecrets(redisConf, secrets) }),
    };
  } catch {
    // A node that does not answer is told among the backup's warnings; its records are no reason to go without it.
    return { name, nodesConf: "" };
  }
}

async function readConf(host: Host, node: NodeSpec, path: string): Promise<string | undefined> {
  const opened = await host.readFile?.(node, path);
  return opened && readText(opened.stream);
}
