/** Before a node is taken out of service, and after: whether the others are well enough for it. */
import { parseClusterNodes, parseInfo } from "../parse";
import { isOlderLine } from "../plan/versions";
import type { NodeSpec } from "../spec";
import { on, type StepContext } from "./context";
import { settle } from "./settle";

/** What one node tells about itself. */
interface Member {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly primaryId: string | undefined;
  readonly openSlots: number;
}

/**
 * Refuses where a slot is open: its flags survive neither a restart nor a handover (redis #6339), and a handover during a
 * move can bring ownership back (#12336). Waits for agreement and links. The link of a replica that is older than its
 * primary cannot come up (6.2 does not read 7.0's copies), its restart is the cure; nor need the link of `spare` be up.
 */
export async function waitCalm(context: StepContext, spare?: string): Promise<void> {
  const members = await Promise.all(context.spec.nodes.map((other) => memberAt(other, context)));
  const open = members.find((member) => member.openSlots > 0);
  if (open)
    throw new Error(
      `${open.name} has ${open.openSlots} open slots: no primary is handed over and nothing restarts before they are closed or repaired`,
    );
  const versionOf = new Map(members.map((member) => [member.id, member.version]));
  const outdated = members.filter(({ version, primaryId }) =>
    isOlderLine(version, versionOf.get(primaryId ?? "") ?? version),
  );
  await settle(
    members.map((member) => member.name),
    context,
    { spareLinks: new Set([...(spare ? [spare] : []), ...outdated.map((member) => member.name)]) },
  );
}

async function memberAt(node: NodeSpec, context: StepContext): Promise<Member> {
  return on(context, node.name, async (client) => {
    const { myself, migrating, importing } = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
    const info = parseInfo(String(await client.call("INFO", "server")));
    return {
      name: node.name,
      id: myself.id,
      version: info.get("redis_version") ?? "unknown",
      primaryId: myself.primaryId,
      openSlots: migrating.length + importing.length,
    };
  });
}
