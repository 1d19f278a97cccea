/**
 * The planner alone, on built views: how long a plan takes for large declarations.
 * Usage: npm run bench plan -- [--nodes 6,60,1000]
 */
import { parseArgs } from "node:util";
import { plan } from "../cluster/plan";
import type { NodeView } from "../cluster/view";
import { freshNode, healthyNodes, specFor, stoppedNode, view } from "../test/support/views";

const { values } = parseArgs({ options: { nodes: { type: "string", default: "6,60,1000" } } });

for (const count of values.nodes.split(",").map(Number)) {
  const shards = count / 2;
  const spec = specFor(shards, 1);
  const healthy = healthyNodes(spec, 100);
  const wider = specFor(shards + 1, 1);
  const added = wider.nodes.filter((node) => node.shard === shards).map(freshNode);
  const cases: [string, () => unknown][] = [
    ["creation", () => plan(spec, view(...spec.nodes.map((node) => stoppedNode(node, "empty"))))],
    ["nothing to do", () => plan(spec, view(...healthy))],
    ["one node down", () => plan(spec, view(...withFirstDown(healthy)))],
    ["one shard more", () => plan(wider, view(...healthy, ...added))],
  ];
  for (const [name, run] of cases) {
    run();
    const times = Array.from({ length: 3 }, () => {
      const start = performance.now();
      run();
      return performance.now() - start;
    });
    console.log(`${count} nodes, ${name}: ${Math.min(...times).toFixed(0)} ms`);
  }
}

function withFirstDown(nodes: readonly NodeView[]): NodeView[] {
  const first = specFor(3, 1).nodes[0];
  return nodes.map((node) => (first && node.name === first.name ? stoppedNode(first) : node));
}
