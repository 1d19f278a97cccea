/** The status of a cluster as a headline, a table and what is wrong. */
import { describeStep } from "../../cluster/plan/describe";
import type { Finding, Plan, Refusal } from "../../cluster/plan/types";
import { formatRanges } from "../../cluster/slots";
import { SLOT_COUNT } from "../../cluster/spec";
import type { ClusterStatus, NodeStatus } from "../../cluster/status";
import type { Style, Tone } from "./style";
import { type Column, fittingTable, type Layout } from "./table";
import { bytes, count, percent, plural, share, shortCount } from "./units";
import { wrap } from "./wrap";

export interface StatusSummary {
  readonly status: ClusterStatus;
  readonly decision: Plan | Refusal;
  readonly origin: string;
  readonly note?: string | undefined;
  /** What people type to bring the declaration about. */
  readonly upCommand: string;
  /** No node answered at all. */
  readonly isSilent: boolean;
}

/** Longer plans are told by `plan`. */
const SHOWN_STEPS = 6;

export function statusText(summary: StatusSummary, style: Style): string {
  const { status } = summary;
  return [
    statusHeadline(summary, style),
    "",
    nodeTable(status, style),
    ...findingLines(status.findings, style),
    ...nextLines(summary, style),
  ].join("\n");
}

/** Name, health, size, and where the declaration is from. */
export function statusHeadline(summary: StatusSummary, { paint, columns }: Style): string {
  const { status, isSilent, origin, note } = summary;
  const state = stateOf(status, isSilent);
  const parts = [
    `${paint("bold", status.name)} ${paint(state.tone, state.text)}`,
    paint("dim", wrap(`${sizeOf(status)} (${origin})`, columns, "  ")),
    ...(note === undefined ? [] : [paint("warn", wrap(`note: ${note}`, columns, "  "))]),
  ];
  return parts.join("\n");
}

function stateOf(status: ClusterStatus, isSilent: boolean): { text: string; tone: Tone } {
  if (isSilent) return { text: "does not answer: no node can be reached", tone: "bad" };
  if (!status.healthy) {
    const critical = status.findings.filter(({ severity }) => severity === "critical").length;
    const problems = plural(
      critical || status.findings.length,
      critical > 0 ? "critical problem" : "problem",
    );
    return { text: `is not healthy: ${problems}`, tone: "bad" };
  }
  const warnings = status.findings.filter(({ severity }) => severity === "warning").length;
  if (warnings > 0) return { text: `is healthy, with ${plural(warnings, "warning")}`, tone: "warn" };
  return { text: "is healthy", tone: "good" };
}

function sizeOf(status: ClusterStatus): string {
  const shards = new Set(status.nodes.map(({ shard }) => shard)).size;
  const keys = status.nodes.reduce((sum, node) => sum + (node.role === "primary" ? node.keys : 0), 0);
  const versions = versionsOf(status);
  const slots =
    status.slotsCovered === SLOT_COUNT
      ? "all slots covered"
      : `${count(status.slotsCovered)} of ${count(SLOT_COUNT)} slots covered`;
  return [
    plural(shards, "shard"),
    plural(status.nodes.length, "node"),
    slots,
    plural(keys, "key"),
    ...(versions.length === 0 ? [] : [`Redis ${versions.join(" and ")}`]),
  ].join(", ");
}

function versionsOf(status: ClusterStatus): string[] {
  return [...new Set(status.nodes.flatMap(({ version }) => version ?? []))].sort();
}

const NODE: Column<NodeStatus> = { title: "NODE", value: ({ name }) => name };
const ADDRESS: Column<NodeStatus> = { title: "ADDRESS", value: ({ host, port }) => `${host}:${port}` };
const ZONE: Column<NodeStatus> = { title: "ZONE", value: ({ zone }) => zone };
const SHARD: Column<NodeStatus> = { title: "SHARD", align: "right", value: ({ shard }) => String(shard) };
const ROLE: Column<NodeStatus> = { title: "ROLE", value: ({ role }) => role ?? "-" };
const SLOTS: Column<NodeStatus> = { title: "SLOTS", value: (node) => slotsText(node) };
const KEYS: Column<NodeStatus> = {
  title: "KEYS",
  align: "right",
  value: (node) => (node.role ? count(node.keys) : "-"),
};
const KEYS_SHORT: Column<NodeStatus> = {
  ...KEYS,
  value: (node) => (node.role ? shortCount(node.keys) : "-"),
};
const MEMORY: Column<NodeStatus> = {
  title: "MEMORY",
  align: "right",
  value: (node) => (node.role ? share(node.usedMemoryBytes, node.maxmemoryBytes) : "-"),
};
const MEMORY_PERCENT: Column<NodeStatus> = {
  title: "MEM",
  align: "right",
  value: (node) => (node.role ? percent(node.usedMemoryBytes, node.maxmemoryBytes) : "-"),
};
const LAG: Column<NodeStatus> = {
  title: "LAG",
  align: "right",
  value: ({ lagBytes }) => (lagBytes === null ? "-" : bytes(lagBytes)),
};
const VERSION: Column<NodeStatus> = { title: "VERSION", value: ({ version }) => version ?? "-" };

/** A few ranges as they are, more as their number: "0-5460", "5,461 in 12". */
function slotsText({ slots, slotCount, role }: NodeStatus): string {
  if (slotCount === 0) return role === "primary" ? "none" : "-";
  return slots.length <= 2 ? formatRanges(slots) : `${count(slotCount)} in ${slots.length}`;
}

/** From everything to what an 80-column terminal has room for; the headline has the version where all have the same. */
function nodeTable(status: ClusterStatus, style: Style): string {
  const state: Column<NodeStatus> = {
    title: "STATE",
    value: (node) => node.state,
    paint: (node, text) => style.paint(node.state === "up" ? "good" : "bad", text),
  };
  const version = versionsOf(status).length > 1 ? [VERSION] : [];
  const full = [NODE, ADDRESS, ZONE, SHARD, ROLE, SLOTS, KEYS, MEMORY, LAG, VERSION, state];
  const usual = [NODE, ZONE, SHARD, ROLE, SLOTS, KEYS, MEMORY, LAG, ...version, state];
  const small = [NODE, ZONE, SHARD, ROLE, SLOTS, KEYS_SHORT, MEMORY_PERCENT, LAG, ...version, state];
  const layouts: Layout<NodeStatus>[] = [
    { columns: full, gap: 2 },
    { columns: full.filter((column) => column !== ADDRESS), gap: 2 },
    { columns: usual, gap: 2 },
    { columns: usual, gap: 1 },
    { columns: small, gap: 2 },
    { columns: small, gap: 1 },
    { columns: small.filter((column) => column !== ZONE), gap: 1 },
  ];
  return fittingTable(layouts, status.nodes, style);
}

export function findingLines(findings: readonly Finding[], style: Style): string[] {
  if (findings.length === 0) return [];
  const line = ({ severity, text }: Finding) =>
    style.paint(toneOf(severity), wrap(`  ${severity}: ${text}`, style.columns, "    "));
  return ["", ...findings.map(line)];
}

function toneOf(severity: Finding["severity"]): Tone {
  switch (severity) {
    case "critical":
      return "bad";
    case "warning":
      return "warn";
    case "info":
      return "dim";
    default:
      return unknownSeverity(severity);
  }
}

function unknownSeverity(severity: never): never {
  throw new Error(`unknown severity: ${String(severity)}`);
}

/** What `up` would do; nothing where there is nothing to do. */
export function nextLines({ decision, upCommand }: StatusSummary, { columns, paint }: Style): string[] {
  if (decision.kind === "refusal") {
    const texts = [`\`${upCommand}\` would change nothing: ${decision.reason}`, decision.cure];
    return ["", ...texts.map((text) => wrap(text, columns, "  "))];
  }
  if (decision.steps.length === 0) return [];
  const shown = decision.steps.slice(0, SHOWN_STEPS);
  const more = decision.steps.length - shown.length;
  const continues = decision.continues ? [`  then: ${decision.continues}`] : [];
  return [
    "",
    paint("bold", `\`${upCommand}\` would:`),
    ...shown.map((step, index) => wrap(`  ${index + 1}. ${describeStep(step)}`, columns, "     ")),
    ...(more > 0 ? [`  … and ${plural(more, "step")} more: redis-cluster-kit plan`] : continues),
  ];
}
