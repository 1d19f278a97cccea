/**
 * The open-slot matrix, one slot at a time: what `redis-cli --cluster fix` of 5.0 makes of each half-migrated state when it meets nothing
 * else, beside what this project's repair makes of it. The test of the same name has them all at once, as a crash leaves them.
 * Usage: npm run bench open-slots -- [--tool fix|ours|both] [--events none,source restarts,…]
 */
import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { repairSlots } from "../cluster/mover";
import { toRanges } from "../cluster/slots";
import { type BareCluster, contextOf } from "../test/support/bare-cluster";
import {
  build,
  type Cell,
  cells,
  EVENTS,
  type Event,
  formMatrixCluster,
  happen,
  holdings,
  problemsOf,
} from "../test/support/open-slots";
import { describeMatrix, type Verdict } from "../test/support/open-slots-table";
import { redisBinaries } from "../test/support/redis-binaries";

const run = promisify(execFile);
const FIX_TIMEOUT_MS = 15_000;

type Tool = (cluster: BareCluster, cell: Cell) => Promise<void>;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tool: { type: "string", default: "both" },
      events: { type: "string", default: EVENTS.join(",") },
    },
  });
  const { server, cli, version } = await redisBinaries("5.0");
  const events = EVENTS.filter((event) => values.events.split(",").includes(event));
  const tools: Readonly<Record<string, Tool>> = { ours: repair, fix: (cluster) => fix(cli, cluster) };
  for (const [name, tool] of Object.entries(tools)) {
    if (values.tool !== "both" && values.tool !== name) continue;
    const verdicts: Verdict[] = [];
    for (const event of events) verdicts.push(...(await judge(server, event, tool)));
    console.log(describeMatrix(`${name}, Redis ${version}, one slot at a time`, verdicts));
  }
}

/** A new cluster for each event; what a tool leaves of a slot is cleared by our repair before the next slot is built. */
async function judge(server: string, event: Event, tool: Tool): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let cluster = await formMatrixCluster(server);
  try {
    for (const cell of cells(false)) {
      if (event.endsWith("over") && verdicts.length > 0) {
        // Roles have changed: the next slot needs the ones that it is built for.
        await cluster.stop();
        cluster = await formMatrixCluster(server);
      }
      await build(cluster, [cell]);
      await happen(cluster, event);
      const before = await holdings(cluster, cell);
      await tool(cluster, cell);
      verdicts.push({ event, cell, problems: await problemsOf(cluster, cell, before) });
      await repair(cluster, cell);
      await cluster.settled();
    }
    return verdicts;
  } finally {
    await cluster.stop();
  }
}

async function repair(cluster: BareCluster, cell: Cell): Promise<void> {
  await repairSlots(toRanges([cell.slot]), {
    ...contextOf(cluster),
    nodes: cluster.nodes,
    progress: () => undefined,
  });
}

async function fix(cli: string, cluster: BareCluster): Promise<void> {
  const env = { REDISCLI_AUTH: cluster.options.password ?? "" };
  const address = `127.0.0.1:${cluster.node("c0").port}`;
  // Its exit code says nothing about the slot, which is judged by what is in it.
  await run(cli, ["--cluster", "fix", address, "--cluster-yes"], { env, timeout: FIX_TIMEOUT_MS }).catch(
    () => undefined,
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
