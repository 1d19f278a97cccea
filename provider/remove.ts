/** `pulumi destroy`: the processes stop, the data stays unless it was asked to go. */
import { type EngineOptions, look } from "../cluster/engine";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { Declaration } from "./declaration";
import { UnchangedError } from "./operations";
import type { Report } from "./report";

/** Set by `npm run down -- --purge`. */
const PURGE_VARIABLE = "REDIS_CLUSTER_KIT_PURGE";

export interface Removal {
  readonly spec: ClusterSpec;
  readonly declaration: Pick<Declaration, "dataDirectory" | "purgeOnDestroy">;
  readonly report: Report;
  readonly options: EngineOptions;
}

/**
 * Backup timers go, so that none begins any more. Then replicas stop, all at once, then the primaries: no replica sees its
 * primary go and asks for a failover, and every one has the last writes. Orderly, so that everything acknowledged is on disk.
 * @throws UnchangedError naming the nodes that could not be stopped.
 */
export async function removeCluster(removal: Removal): Promise<void> {
  const { spec, declaration, report, options } = removal;
  const nodes = [...spec.nodes, ...spec.leaving];
  const { view } = await look(spec, options);
  const isReplica = (node: NodeSpec) => {
    const seen = view.nodes.find((candidate) => candidate.name === node.name);
    return seen?.reachable === true && seen.role === "replica";
  };
  const stop = async (group: readonly NodeSpec[]) => {
    report.status(`stopping ${group.map((node) => node.name).join(", ")}`);
    await forAll(group, (node) => options.hosts(node).stop(node));
  };
  await forAll(nodes, async (node) => options.hosts(node).retire?.(node));
  await stop(nodes.filter(isReplica));
  await stop(nodes.filter((node) => !isReplica(node)));
  if (!isPurge(declaration)) {
    report.info(
      `${nodes.length} nodes stopped; their data stays in ${declaration.dataDirectory}, and the next \`up\` starts them with it.`,
    );
    return;
  }
  report.status("deleting the data");
  await forAll(nodes, (node) => options.hosts(node).purge(node));
  report.info(`${nodes.length} nodes stopped and their data in ${declaration.dataDirectory} deleted.`);
}

/** Whether data goes, too. */
export function isPurge(declaration: Pick<Declaration, "purgeOnDestroy">): boolean {
  return declaration.purgeOnDestroy === true || process.env[PURGE_VARIABLE] === "1";
}

/** Every node gets its turn even where one fails; all failures are told. */
async function forAll(nodes: readonly NodeSpec[], work: (node: NodeSpec) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(nodes.map(work));
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [String(result.reason.message)] : [],
  );
  if (failures.length > 0) throw new UnchangedError(failures.join("\n"));
}
