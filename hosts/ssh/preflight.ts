/** Everything that would make a start fail, looked for on all servers before anything is changed, and told all at once. */
import { UserError } from "../errors";
import type { HostNode } from "../host";
import { readDirective } from "../local/directives";
import { type Lines, parseLines, parseListeners, unitState } from "./facts";
import { PREFLIGHT } from "./scripts";
import type { Servers } from "./servers";
import { portText } from "./start";

const MIN_FREE_BYTES = 64 * 1024 * 1024;
const MIN_FREE_CONF_BYTES = 1024 * 1024;

export interface PreflightOptions {
  readonly redisVersion: string;
  readonly dataDirectory: string;
  readonly files: (nodeName: string) => string | undefined;
}

/** Throws one UserError that lists every problem. Changes nothing. */
export async function preflightNodes(
  servers: Servers,
  nodes: readonly HostNode[],
  options: PreflightOptions,
): Promise<void> {
  const problems = (await Promise.all(nodes.map((node) => problemsOf(servers, node, options)))).flat();
  if (problems.length === 0) return;
  const [only = ""] = problems;
  if (problems.length === 1) throw new UserError(only);
  throw new UserError(
    `${problems.length} problems; nothing was started:\n${problems.map((problem) => `- ${problem}`).join("\n")}`,
  );
}

async function problemsOf(servers: Servers, node: HostNode, options: PreflightOptions): Promise<string[]> {
  const { redisVersion, dataDirectory, files } = options;
  const redisConf = files(node.name) ?? "";
  try {
    const { address } = servers.of(node);
    const text = await servers.must(node, "looking at it", {
      script: PREFLIGHT,
      args: [dataDirectory, redisVersion, String(node.port), String(node.busPort), address ?? node.host],
    });
    return problemsIn(parseLines(text), servers.who(node), {
      redisVersion,
      dataDirectory,
      redisConf,
      address: address ?? node.host,
    });
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

export interface Wanted {
  readonly redisVersion: string;
  readonly dataDirectory: string;
  readonly redisConf: string;
  /** The server's own. */
  readonly address: string;
}

/** From what the server says of itself. */
export function problemsIn(lines: Lines, who: string, wanted: Wanted): string[] {
  if (lines.get("provisioned") !== "yes")
    return [
      `${who} is not set up for a node: run \`pulumi up\`, which sets servers up before it starts them.`,
    ];
  const { process, detail } = unitState(lines);
  if (process === "running") return [];
  const problems =
    process === "unknown"
      ? [`${who}: it cannot be told whether Redis runs there: ${detail ?? "no answer"}.`]
      : [];
  if (!lines.has("declared"))
    problems.push(
      `${who}: Redis ${wanted.redisVersion} is not installed. Run \`pulumi up\`, which installs it.`,
    );
  for (const { port, description } of parseListeners(lines.get("listener")))
    problems.push(portText(who, port, description));
  if (lines.get("address") === "no")
    problems.push(
      `${who} has no address ${wanted.address}, and Redis is to listen on it. Declare its own address (ssh.servers[].address).`,
    );
  return [...problems, ...diskProblems(lines, who, wanted), ...memoryProblems(lines, who, wanted)];
}

function diskProblems(lines: Lines, who: string, { dataDirectory }: Wanted): string[] {
  const owner = lines.get("owner");
  if (owner !== "redis")
    return [
      `${who}: ${dataDirectory} ${owner ? `belongs to ${owner}, not to redis` : "is not there"}. Run \`pulumi up\`, which makes it.`,
    ];
  return [
    [dataDirectory, "free", MIN_FREE_BYTES] as const,
    ["/etc/redis", "freeConf", MIN_FREE_CONF_BYTES] as const,
  ].flatMap(([folder, key, neededBytes]) => {
    const freeBytes = Number(lines.get(key) ?? Number.NaN);
    if (!(freeBytes < neededBytes)) return [];
    return [
      `${who}: the disk of ${folder} has ${mib(freeBytes)} MiB free, ${mib(neededBytes)} MiB are needed. Make room there.`,
    ];
  });
}

function memoryProblems(lines: Lines, who: string, { redisConf }: Wanted): string[] {
  const memoryBytes = Number(lines.get("memory") ?? Number.NaN);
  const maxmemoryBytes = Number(readDirective(redisConf, "maxmemory") ?? 0);
  if (!(maxmemoryBytes > memoryBytes)) return [];
  return [
    `${who} has ${mib(memoryBytes)} MiB of memory, and maxmemory is ${mib(maxmemoryBytes)} MiB. Lower \`redis: maxmemory\`, or give a larger server.`,
  ];
}

function mib(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
