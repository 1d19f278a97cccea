/** One look of `watch`: shards, roles, zones, slots, load, lag, and what runs, within 80 columns. Or as one plain line. */
import { describeStep } from "../../cluster/plan/describe";
import type { Finding } from "../../cluster/plan/types";
import type { Pulse } from "../../cluster/pulse";
import { SLOT_COUNT } from "../../cluster/spec";
import type { NodeStatus } from "../../cluster/status";
import type { Inspection } from "../inspect";
import { findingLines } from "./status";
import type { Style } from "./style";
import { type Column, fittingTable } from "./table";
import { bytes, count, percent, plural, shortCount } from "./units";
import { wrap } from "./wrap";

/** Characters of one problem: two lines of a narrow terminal. */
const MAX_PROBLEM = 150;

export interface WatchFrame extends Inspection {
  readonly at: Date;
  readonly pulses: ReadonlyMap<string, Pulse>;
  /** Slots that are not yet where the declared shares have them. */
  readonly slotsToMove: number;
}

/** A run that changes the cluster, seen from outside. */
export interface SeenRun {
  readonly holder: string;
  /** Half-moved slots. */
  readonly openSlots: number;
  readonly slotsToMove: number;
  /** Steps that are left, as a plan made now would have them. */
  readonly stepsLeft: number;
  readonly next: string | undefined;
}

/** Who changes the cluster now: its lock is a client name on every node. */
export function seenRun({
  view,
  decision,
  slotsToMove,
}: Pick<WatchFrame, "view" | "decision" | "slotsToMove">): SeenRun | undefined {
  const nodes = view.nodes.flatMap((node) => (node.reachable ? [node] : []));
  const [holder] = nodes.flatMap(({ lockHolders }) => lockHolders);
  // Source and target were asked side by side: either may have told of a slot that the other had closed, or not yet opened.
  const open = nodes.flatMap(({ migrating, importing }) => [...migrating, ...importing]);
  const openSlots = new Set(open.map(({ slot }) => slot)).size;
  if (holder === undefined) return undefined;
  const steps = decision.kind === "plan" ? decision.steps : [];
  const next = steps[0] === undefined ? undefined : describeStep(steps[0]);
  return { holder, openSlots, slotsToMove, stepsLeft: steps.length, next };
}

export function frameText(frame: WatchFrame, style: Style): string {
  const { text, tone } = stateOf(frame);
  const head = `${style.paint("bold", frame.status.name)} ${style.paint(tone, text)}  ${clock(frame.at)}`;
  return [
    head,
    wrap(totalsText(frame), style.columns, "  "),
    "",
    nodeTable(frame, style),
    ...runLines(frame, style),
    ...findingLines(problemsOf(frame), style),
  ].join("\n");
}

/** While a run is at work and every slot is served, the cluster is on its way and nobody has to be woken. */
function stateOf(frame: WatchFrame): { readonly text: string; readonly tone: "good" | "warn" | "bad" } {
  const { status } = frame;
  if (status.healthy) return { text: "healthy", tone: "good" };
  const isServing = status.slotsCovered === SLOT_COUNT && status.nodes.every(({ role }) => role !== null);
  if (isServing && seenRun(frame)) return { text: "changing", tone: "warn" };
  return { text: "not healthy", tone: "bad" };
}

function totalsText({ status, pulses }: WatchFrame): string {
  const up = status.nodes.filter(({ role }) => role !== null);
  const requests = [...pulses.values()].reduce((sum, pulse) => sum + pulse.requestsPerSecond, 0);
  const primaries = up.filter(({ role }) => role === "primary");
  const keys = primaries.reduce((sum, node) => sum + node.keys, 0);
  const lags = up.flatMap(({ lagBytes }) => lagBytes ?? []);
  return [
    `${up.length} of ${plural(status.nodes.length, "node")} up`,
    status.slotsCovered === SLOT_COUNT
      ? "all slots"
      : `${count(status.slotsCovered)} of ${count(SLOT_COUNT)} slots`,
    pulses.size === 0 ? "requests/s: -" : `${count(Math.round(requests))} requests/s`,
    plural(keys, "key"),
    bytes(up.reduce((sum, node) => sum + node.usedMemoryBytes, 0)),
    // Kept on one line.
    `lag ${bytes(Math.max(0, ...lags)).replace(" ", "\u00a0")}`,
  ].join(", ");
}

function runLines(frame: WatchFrame, { columns, paint }: Style): string[] {
  const run = seenRun(frame);
  return run === undefined ? [] : ["", paint("warn", wrap(`  ${runText(run)}`, columns, "    "))];
}

function runText({ holder, openSlots, slotsToMove, stepsLeft, next }: SeenRun): string {
  const who = `run of ${holder.replace(/^redis-cluster-kit:apply:/, "")}`;
  // A plan made now would repair what the run is just moving.
  if (openSlots > 0)
    return `${who}: moving slots, ${plural(openSlots, "slot")} on the way, ${count(slotsToMove)} still to move`;
  return `${who}: ${stepsLeft === 0 ? "it is verifying" : `${plural(stepsLeft, "step")} left, next: ${next}`}`;
}

/** Half-moved slots are no problem while a run moves them; long lists of slots are `doctor`'s. */
function problemsOf(frame: WatchFrame): Finding[] {
  const isMoving = (seenRun(frame)?.openSlots ?? 0) > 0;
  const worth = frame.status.findings.filter(({ text }) => !(isMoving && text.includes(" open slots ")));
  return worth.map((finding) => ({ ...finding, text: shortened(finding.text) }));
}

function shortened(text: string): string {
  return text.length <= MAX_PROBLEM ? text : `${text.slice(0, MAX_PROBLEM)}…`;
}

function nodeTable({ status, pulses }: WatchFrame, style: Style): string {
  const pulse = (node: NodeStatus, text: (pulse: Pulse) => string) => {
    const seen = pulses.get(node.name);
    return seen === undefined ? "-" : text(seen);
  };
  const right = { align: "right" } as const;
  const columns: Column<NodeStatus>[] = [
    { title: "NODE", value: ({ name }) => name },
    { title: "ZONE", value: ({ zone }) => zone },
    { title: "ROLE", value: ({ role }) => role ?? "-" },
    { title: "SLOTS", ...right, value: ({ slotCount }) => (slotCount === 0 ? "-" : count(slotCount)) },
    {
      title: "REQ/S",
      ...right,
      value: (node) => pulse(node, (seen) => shortCount(Math.round(seen.requestsPerSecond))),
    },
    { title: "CPU", ...right, value: (node) => pulse(node, ({ cpu }) => `${Math.round(100 * cpu)}%`) },
    {
      title: "MEM",
      ...right,
      value: (node) => (node.role === null ? "-" : percent(node.usedMemoryBytes, node.maxmemoryBytes)),
    },
    { title: "CLIENTS", ...right, value: (node) => pulse(node, ({ clients }) => count(clients)) },
    { title: "LAG", ...right, value: ({ lagBytes }) => (lagBytes === null ? "-" : bytes(lagBytes)) },
    {
      title: "STATE",
      value: ({ state }) => state,
      paint: (node, text) => style.paint(node.state === "up" ? "good" : "bad", text),
    },
  ];
  const small = columns.filter(({ title }) => !["ZONE", "CLIENTS"].includes(title));
  return fittingTable(
    [
      { columns, gap: 2 },
      { columns, gap: 1 },
      { columns: small, gap: 1 },
    ],
    status.nodes,
    style,
  );
}

/** Where nothing can be redrawn: one line a look, and one more for whatever is wrong or under way. */
export function frameLines(frame: WatchFrame): string[] {
  const run = seenRun(frame);
  const problems = problemsOf(frame).filter(({ severity }) => severity !== "info");
  return [
    `${clock(frame.at)} ${stateOf(frame).text}, ${totalsText(frame)}`,
    ...(run === undefined ? [] : [`  ${runText(run)}`]),
    ...problems.map(({ severity, text }) => `  ${severity}: ${text}`),
  ];
}

function clock(at: Date): string {
  return at.toISOString().slice(11, 19);
}
