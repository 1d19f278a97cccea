/** The lab's network: a namespace with a bridge, a cable from this machine to it, and rules that cut hosts apart. */
import { command, tryCommand } from "./command";

const BRIDGE = "br0";
/** The bridge's end of the cable to this machine. */
const UPLINK = "uplink";

export interface LabNetwork {
  readonly namespace: string;
  /** "10.77.3": hosts are .10 and up, this machine is .1. */
  readonly prefix: string;
}

/** Puts a command into the lab's network. `ip netns exec` would hide the cgroup mounts. */
export function inNetwork({ namespace }: LabNetwork, argv: readonly string[]): string[] {
  return ["nsenter", `--net=/run/netns/${namespace}`, ...argv];
}

/** Whether this machine already has a route into that /24. */
export async function isTaken(prefix: string): Promise<boolean> {
  const routes = await command(["ip", "-4", "route", "show", "table", "all"]);
  return routes.includes(`${prefix}.`);
}

export async function makeNetwork(network: LabNetwork): Promise<void> {
  const { namespace, prefix } = network;
  const inside = (...argv: string[]) => command(inNetwork(network, argv));
  await command(["ip", "netns", "add", namespace]);
  await inside("ip", "link", "set", "lo", "up");
  await inside("ip", "link", "add", BRIDGE, "type", "bridge");
  await inside("ip", "link", "set", BRIDGE, "up");
  await command(["ip", "link", "add", namespace, "type", "veth", "peer", "name", UPLINK, "netns", namespace]);
  await inside("ip", "link", "set", UPLINK, "master", BRIDGE, "up");
  await command(["ip", "address", "add", `${prefix}.1/24`, "dev", namespace]);
  await command(["ip", "link", "set", namespace, "up"]);
  await inside(
    "nft",
    "add table bridge lab; add chain bridge lab forward { type filter hook forward priority 0; }",
  );
}

/** Also where only parts of it are there. */
export async function removeNetwork(namespace: string): Promise<void> {
  await tryCommand(["ip", "link", "delete", namespace]);
  await tryCommand(["ip", "netns", "delete", namespace]);
}

/** Nothing passes between the two groups of addresses any more, in either direction, without any answer. */
export async function cut(
  network: LabNetwork,
  one: readonly string[],
  other: readonly string[],
): Promise<void> {
  if (one.length === 0 || other.length === 0) return;
  const set = (addresses: readonly string[]) => `{ ${addresses.join(", ")} }`;
  const rules = [
    [one, other],
    [other, one],
  ].map(
    ([from = [], to = []]) => `add rule bridge lab forward ip saddr ${set(from)} ip daddr ${set(to)} drop`,
  );
  await command(inNetwork(network, ["nft", rules.join("; ")]));
}

/** Everybody reaches everybody again. */
export async function heal(network: LabNetwork): Promise<void> {
  await command(inNetwork(network, ["nft", "flush chain bridge lab forward"]));
}

export const LAB_BRIDGE = BRIDGE;
