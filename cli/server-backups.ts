/** Backups that servers take by themselves, into a folder of their own: taking one now, and what the last one was. */
import { text as readText } from "node:stream/consumers";
import { z } from "zod";
import { textOf } from "../backup/errors";
import type { Declaration } from "../provider/declaration";
import type { Answer } from "./answer";
import type { Target } from "./declaration";
import { UsageError } from "./errors";
import type { World } from "./world";

/** Written by templates/server/backup/place.sh. */
const LAST_FILE = "/var/lib/redis-cluster-kit-backup/last.json";

const lastSchema = z.object({
  id: z.string(),
  place: z.string(),
  /** Whose server has it. */
  node: z.string(),
  startedAt: z.iso.datetime(),
  keys: z.int(),
  bytes: z.int(),
});

export type ServerBackup = z.output<typeof lastSchema>;

/** The folder on the servers; undefined where backups go elsewhere. */
export function serverFolder({
  kind,
  backup,
}: {
  readonly kind: Declaration["target"];
  readonly backup: Declaration["backup"];
}): string | undefined {
  return kind !== "local" && backup?.to.startsWith("/") ? backup.to : undefined;
}

/** The newest that any server tells of; undefined where none has one, or none can be asked. */
export async function lastOnServers({
  spec,
  hosts,
}: Pick<Target, "spec" | "hosts">): Promise<ServerBackup | undefined> {
  const told = await Promise.all(
    spec.nodes.map(async (node) => {
      try {
        const opened = await hosts(node).readFile?.(node, LAST_FILE);
        return opened && lastSchema.parse(JSON.parse(await readText(opened.stream)));
      } catch {
        // Not there, or out of reach: the others are asked, and status tells who does not answer.
        return undefined;
      }
    }),
  );
  return told
    .filter((last) => last !== undefined)
    .sort((one, other) => one.startedAt.localeCompare(other.startedAt))
    .at(-1);
}

/** What a server says when it is another one's turn (templates/server/backup/cluster.sh). */
const NOT_HERE = "no backup from here: ";

/** Starts the timers' service, server by server, until the one whose turn it is has taken a backup. */
export async function takeOnServers(target: Target, world: World): Promise<Answer> {
  const reasons: string[] = [];
  for (const node of target.spec.nodes) {
    const host = target.hosts(node);
    if (!host.backUp) break;
    world.say(`asking the server of ${node.name}`);
    const said = await host.backUp(node).catch((error: unknown) => {
      // By its name: the module that throws it is loaded only where servers are.
      if (error instanceof Error && error.name === "UnreachableServerError")
        return `${NOT_HERE}${textOf(error)}`;
      throw error;
    });
    if (!said.includes(NOT_HERE)) {
      const last = await lastOnServers(target);
      return { exitCode: 0, json: { ...last }, text: () => said };
    }
    reasons.push(`${node.name}: ${said.replace(NOT_HERE, "")}`);
  }
  throw new UsageError(`no server took a backup.\n${reasons.join("\n")}`);
}
