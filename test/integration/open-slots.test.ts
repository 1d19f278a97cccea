/**
 * The open-slot matrix: five half-migrated states x five key placements x four node events, repaired by us; and what redis-cli's
 * `--cluster fix` makes of the very same states.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import {
  diagnoseTold,
  findStrayKeys,
  type RepairResult,
  repairSlots,
  type Teller,
} from "../../cluster/mover";
import { parseClusterNodes } from "../../cluster/parse";
import { toRanges } from "../../cluster/slots";
import { type BareCluster, contextOf } from "../support/bare-cluster";
import {
  build,
  type Cell,
  cells,
  EVENTS,
  type Event,
  formMatrixCluster,
  type Holdings,
  happen,
  holdings,
  PLACEMENTS,
  problemsOf,
  STATES,
} from "../support/open-slots";
import { describeMatrix, type Verdict } from "../support/open-slots-table";
import { redisBinaries } from "../support/redis-binaries";

const FIX_RUNS = 6;
const run = promisify(execFile);

const ours: Verdict[] = [];
const theirs: Verdict[] = [];

async function judged(
  event: Event,
  binary: boolean,
  repair: (cluster: BareCluster, all: readonly Cell[], before: ReadonlyMap<Cell, Holdings>) => Promise<void>,
): Promise<Verdict[]> {
  const cluster = await formMatrixCluster((await redisBinaries("5.0")).server);
  try {
    const all = cells(binary);
    await build(cluster, all);
    await happen(cluster, event);
    const before = new Map<Cell, Holdings>();
    for (const cell of all) before.set(cell, await holdings(cluster, cell));
    await repair(cluster, all, before);
    const verdicts: Verdict[] = [];
    for (const cell of all)
      verdicts.push({
        event,
        cell,
        problems: await problemsOf(cluster, cell, before.get(cell) ?? new Map()),
      });
    return verdicts;
  } finally {
    await cluster.stop();
  }
}

describe("slots left half migrated", () => {
  for (const event of EVENTS)
    it(`are repaired, ${event === "none" ? "nothing else having happened" : `after the ${event}`}`, async () => {
      const verdicts = await judged(event, true, async (cluster, all, before) => {
        await expectDiagnosed(cluster, all, before);
        const result = await repairAll(cluster, all);
        expect(result.waiting).toEqual([]);
        expectReported(result, before);
        const again = await repairAll(cluster, all);
        expect([again.repaired, again.conflicts]).toEqual([[], []]);
      });
      ours.push(...verdicts);
      expect(verdicts.filter(({ problems }) => problems.length > 0).map(describeVerdict)).toEqual([]);
    });
});

describe("redis-cli --cluster fix, on the same states", () => {
  for (const event of EVENTS)
    it(`is looked at, ${event}`, async () => {
      const { cli } = await redisBinaries("5.0");
      theirs.push(...(await judged(event, false, (cluster) => fixRepeatedly(cli, cluster))));
      expect(theirs.length % (STATES.length * PLACEMENTS.length)).toBe(0);
    });

  afterAll(() =>
    console.log(`${describeMatrix("ours", ours)}\n${describeMatrix("redis-cli 5 --cluster fix", theirs)}`),
  );
});

/** It stops at the first slot that it cannot fix, and takes them in another order each time. Its exit code says nothing about slots. */
async function fixRepeatedly(cli: string, cluster: BareCluster): Promise<void> {
  const env = { REDISCLI_AUTH: cluster.options.password ?? "" };
  const address = `127.0.0.1:${cluster.node("c0").port}`;
  for (let time = 0; time < FIX_RUNS; time++)
    await run(cli, ["--cluster", "fix", address, "--cluster-yes"], { env, timeout: 8_000 }).catch(
      () => undefined,
    );
}

function repairAll(cluster: BareCluster, all: readonly Cell[]): Promise<RepairResult> {
  return repairSlots(toRanges(all.map((cell) => cell.slot)), {
    ...contextOf(cluster),
    nodes: cluster.nodes,
    progress: () => undefined,
  });
}

/** What a person is not told about would never be repaired: every cell that needs it is found from the nodes alone. */
async function expectDiagnosed(
  cluster: BareCluster,
  all: readonly Cell[],
  before: ReadonlyMap<Cell, Holdings>,
): Promise<void> {
  const found = new Set(diagnoseTold(await tellers(cluster)).map(({ slot }) => slot));
  const strays = await findStrayKeys({ ...contextOf(cluster), nodes: cluster.nodes });
  for (const { slot } of strays) found.add(slot);
  const broken: Cell[] = [];
  for (const cell of all) {
    const problems = await problemsOf(cluster, cell, before.get(cell) ?? new Map());
    if (problems.some((problem) => !problem.startsWith("value of"))) broken.push(cell);
  }
  expect(
    broken.filter((cell) => !found.has(cell.slot)).map(({ state, placement }) => `${state}, ${placement}`),
  ).toEqual([]);
}

async function tellers(cluster: BareCluster): Promise<Teller[]> {
  return Promise.all(
    cluster.nodes.map(async ({ name }) => {
      const view = parseClusterNodes(String(await (await cluster.client(name)).call("CLUSTER", "NODES")));
      const { id, slots, flags } = view.myself;
      return { ...view, name, id, slots, role: flags.includes("master") ? "primary" : "replica" };
    }),
  );
}

/** Every key that had two values is in the report, and no other. */
function expectReported(result: RepairResult, before: ReadonlyMap<Cell, Holdings>): void {
  const expected: string[] = [];
  for (const held of before.values())
    for (const [key, values] of held)
      if (new Set(values.map(({ digest }) => digest)).size > 1) expected.push(key.toString("latin1"));
  expect(result.conflicts.map(({ key }) => key.toString("latin1")).sort()).toEqual(expected.sort());
}

function describeVerdict({ event, cell, problems }: Verdict): string {
  return `${event} | ${cell.state} | ${cell.placement}: ${problems.join("; ")}`;
}
