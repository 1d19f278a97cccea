/** Connections to the two ends of a move, with proof that they are who the plan says. */
import type { NodeClient } from "../client";
import { parseClusterNodes, parseInfo } from "../parse";
import { type Claims, claimsOf } from "./state";
import type { ClusterContext } from "./types";

/** Longest silence of a server that is waited for, in ms. A key that takes longer is refused, see bigkeys.ts. */
export const REPLY_TIMEOUT_MS = 60_000;

export interface End {
  readonly name: string;
  readonly id: string;
  /** Changes with every start of the process. */
  readonly runId: string;
  readonly client: NodeClient;
}

/** Source and target of moves. MIGRATE goes over a connection of its own, so that looking ahead does not wait in its pipeline. */
export interface Pair {
  readonly source: End;
  readonly target: End;
  readonly migrate: NodeClient;
  /** CLIENT ID of `migrate` at the source. */
  readonly migrateClientId: number;
  /** Where the source reaches the target. */
  readonly address: { readonly host: string; readonly port: number };
  /** What MIGRATE must send to the target; undefined where it wants none. */
  readonly password: string | undefined;
}

/** @throws UnreachableError; PasswordRefusedError. */
export async function openPair(context: ClusterContext, source: string, target: string): Promise<Pair> {
  const opened: NodeClient[] = [];
  const open = async (node: string) => {
    const client = await context.client(node, { replyTimeoutMs: REPLY_TIMEOUT_MS });
    opened.push(client);
    return client;
  };
  try {
    const [from, to, migrate] = [await open(source), await open(target), await open(source)];
    return {
      source: await endOf(context, source, from),
      target: await endOf(context, target, to),
      migrate,
      migrateClientId: Number(await migrate.call("CLIENT", "ID")),
      address: context.addressOf(target),
      // Not a guess: with a wrong AUTH, or one where none is needed, MIGRATE restores the keys and the source keeps them, too.
      password: context.passwords[to.passwordIndex],
    };
  } catch (error) {
    for (const client of opened) client.close();
    throw error;
  }
}

export function closePair(pair: Pair): void {
  for (const client of [pair.source.client, pair.target.client, pair.migrate]) client.close();
}

async function endOf(context: ClusterContext, name: string, client: NodeClient): Promise<End> {
  const info = parseInfo(String(await client.call("INFO", "server")));
  return { name, id: context.idOf(name), runId: info.get("run_id") ?? "", client };
}

/** What source and target claim now. @throws MoveError where one of them changed its role or identity. */
export async function claims(pair: Pair): Promise<{ source: Claims; target: Claims }> {
  const [source, target] = await Promise.all([claimsAt(pair.source), claimsAt(pair.target)]);
  return { source, target };
}

async function claimsAt(end: End): Promise<Claims> {
  return claimsOf(end.name, end.id, parseClusterNodes(String(await end.client.call("CLUSTER", "NODES"))));
}
