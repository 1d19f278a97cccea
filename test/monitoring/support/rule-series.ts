/** What cases of rules are made of: nodes, their series, and what an alert says of them. */

export interface RuleCase {
  readonly alert: string;
  /** Series by selector, values in promtool's notation, one sample every 15 s. */
  readonly fires: Readonly<Record<string, string>>;
  /** Replaces or adds series; the alert is then quiet. */
  readonly quiet: Readonly<Record<string, string>>;
  /** Labels that the alert has beside its severity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  /** When the rules are asked. Default "30m". */
  readonly at?: string;
  /** Between two samples and two evaluations. Default "15s". */
  readonly every?: string;
}

export const A = 'cluster="c",shard="1",node="shard-1-a",zone="a"';
export const B = 'cluster="c",shard="1",node="shard-1-b",zone="b"';
export const TWO = 'cluster="c",shard="2",node="shard-2-a",zone="b"';
export const THREE = 'cluster="c",shard="3",node="shard-3-a",zone="c"';
export const NODE_A = { cluster: "c", shard: "1", node: "shard-1-a", zone: "a" };
export const NODE_B = { cluster: "c", shard: "1", node: "shard-1-b", zone: "b" };
export const IS_A = "shard-1-a (shard 1, zone a)";

export const ALWAYS = (value: number) => `${value}x400`;
export const PRIMARY = (labels: string, policy = "noeviction") =>
  `redis_instance_info{${labels},role="master",maxmemory_policy="${policy}"}`;
export const REPLICA = (labels: string) =>
  `redis_instance_info{${labels},role="slave",maxmemory_policy="noeviction"}`;
export const REFUSED = `redis_exporter_last_scrape_error{${A},err="ERR max number of clients reached"}`;

/** A value that is bad, and the same that is good. */
export function gauge(alert: string, series: string, bad: number, good: number, summary: string): RuleCase {
  return {
    alert,
    fires: { [series]: ALWAYS(bad) },
    quiet: { [series]: ALWAYS(good) },
    labels: NODE_A,
    summary: `${IS_A} ${summary}`,
  };
}

/** The nodes that are declared, as the rule file of a topology records them. */
export const declared = (...nodes: readonly string[]) =>
  Object.fromEntries(nodes.map((labels) => [`redis_kit:node_declared{${labels}}`, ALWAYS(1)]));
export const up = (...nodes: readonly string[]) =>
  Object.fromEntries(nodes.map((labels) => [`redis_up{${labels}}`, ALWAYS(1)]));
export const NEVER = "_x400";
/** `node` of a pair is lost with its server: no series of it goes on, and after a minute the other one misses it. */
export const lost = (node: string) => ({
  [`up{${node},job="redis"}`]: "1x60",
  [`redis_up{${node}}`]: "1x60",
});
