/** `doctor`: status, and why each finding matters, what nodes that are down said last, and what else is worth a line. */
import { versionWarnings } from "../../config/warnings";
import { placementWarnings } from "../../topology";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { kernelHints } from "../doctor/kernel";
import { quorumWarnings } from "../doctor/quorum";
import { whyItMatters } from "../doctor/why";
import { inspect, isSilent } from "../inspect";
import { doctorText } from "../print/doctor";
import { summaryOf } from "./status";

/** What a node that does not serve wrote last. */
export interface LastWords {
  readonly node: string;
  readonly lines: readonly string[];
}

const LOG_LINES = 6;

export async function doctor(target: Target): Promise<Answer> {
  const inspection = await inspect(target);
  const { status, decision, view } = inspection;
  const problems = status.findings.map((finding) => {
    const why = whyItMatters(finding.code);
    return { ...finding, ...(why === undefined ? {} : { why }) };
  });
  const report = {
    healthy: status.healthy,
    name: status.name,
    problems,
    decision,
    logs: await lastWords(target, inspection),
    advice: [...adviceOf(target, inspection), ...(await kernelHints(target))],
  };
  return {
    exitCode: isSilent(view) ? 2 : status.healthy ? 0 : 1,
    json: report,
    text: (style) => doctorText(report, summaryOf(inspection, target), style),
  };
}

type Inspection = Awaited<ReturnType<typeof inspect>>;

async function lastWords({ spec, hosts }: Target, { view }: Inspection): Promise<LastWords[]> {
  const down = view.nodes.filter((node) => !node.reachable).map(({ name }) => name);
  const found = spec.nodes
    .filter(({ name }) => down.includes(name))
    .map(async (node) => {
      const tail = await hosts(node)
        .logTail(node, LOG_LINES)
        .catch(() => "");
      const lines = tail.split("\n").filter((line) => line.trim() !== "");
      return lines.length > 0 ? [{ node: node.name, lines }] : [];
    });
  return (await Promise.all(found)).flat();
}

/** Placement as declared and as it is, and what is known of the versions that run. */
function adviceOf({ spec }: Target, { status }: Inspection): string[] {
  const zones = [...new Set(spec.nodes.map(({ zone }) => zone))];
  const declared = placementWarnings(spec.shards.length, spec.replicasPerShard, zones);
  const versions = [...new Set(status.nodes.flatMap(({ version }) => version ?? []))].sort();
  return [
    ...declared,
    ...(declared.length === 0 ? quorumWarnings(status) : []),
    ...versions.flatMap(versionWarnings),
  ];
}
