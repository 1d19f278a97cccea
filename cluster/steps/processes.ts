/** Steps that go through the hosts: start, stop, files, reachability. */
import type { Step } from "../plan/types";
import { addressOf, type NodeSpec } from "../spec";
import { waitUntil } from "../wait";
import { BOUNDS, call, type StepContext, specsOf } from "./context";
import { noteStarted } from "./elections";

type Of<K extends Step["kind"]> = Extract<Step, { kind: K }>;

/** All ports and directories are checked before the first process starts: it is all or nothing. */
export async function startNodes(step: Of<"startNodes">, context: StepContext): Promise<void> {
  const nodes = specsOf(context, step.nodes);
  for (const [host, hosted] of groupByHost(nodes, context)) await host.preflight(hosted);
  await Promise.all(nodes.map((node) => context.hostOf(node).start(node)));
  for (const node of nodes) noteStarted(node.name, context);
  await Promise.all(nodes.map((node) => waitLoaded(node, context)));
  await context.lock(nodes);
}

function groupByHost(nodes: readonly NodeSpec[], context: StepContext) {
  const groups = new Map<ReturnType<StepContext["hostOf"]>, NodeSpec[]>();
  for (const node of nodes) {
    const host = context.hostOf(node);
    groups.set(host, [...(groups.get(host) ?? []), node]);
  }
  return groups;
}

/** PING answers LOADING until the data set is in memory. */
export function waitLoaded(node: NodeSpec, context: StepContext): Promise<void> {
  return waitUntil(
    async () => {
      try {
        return (await call(context, node.name, "PING")) === "PONG" || "no PONG";
      } catch (error) {
        context.detail(`${node.name} is loading its data`);
        return error instanceof Error ? error.message : String(error);
      }
    },
    { ...context, timeoutMs: BOUNDS.loadingMs, what: `${node.name} to serve` },
  );
}

export async function writeFiles(step: Of<"writeFiles">, context: StepContext): Promise<void> {
  for (const node of specsOf(context, step.nodes)) await context.hostOf(node).prepare(node);
}

/** From every host to every node, data port and bus port: a blocked bus port makes a cluster hang, not fail. */
export async function checkReach(step: Of<"checkReach">, context: StepContext): Promise<void> {
  const nodes = specsOf(context, step.nodes);
  const problems: string[] = [];
  const from = [...groupByHost(nodes, context).values()].map((hosted) => hosted[0]);
  await Promise.all(
    from.map(async (viewer) => {
      if (!viewer) return;
      for (const node of nodes) problems.push(...(await unreachablePorts(viewer, node, context)));
    }),
  );
  if (problems.length > 0)
    throw new Error(
      `${problems.join("\n")}\nOpen the data port and the bus port (data port + 10000) between all nodes in both directions.`,
    );
}

async function unreachablePorts(viewer: NodeSpec, node: NodeSpec, context: StepContext): Promise<string[]> {
  const problems: string[] = [];
  for (const [what, port] of [
    ["data port", node.port],
    ["bus port", node.busPort],
  ] as const) {
    const answer = await context.hostOf(viewer).probe(viewer, node.host, port, BOUNDS.reachMs);
    if (answer !== "open")
      problems.push(
        `${what} ${port} of ${node.name} (${addressOf(node)}) as seen from ${viewer.host}: ${answer === "timeout" ? `no answer in ${BOUNDS.reachMs} ms (a firewall?)` : "refused"}`,
      );
  }
  return problems;
}
