/**
 * Machines behind the servers that moto only keeps a record of, where a test has some (test/hosts/support/machines/): each
 * operation that a real server, disk or network would feel is told to them once moto has agreed.
 */
import type { Bag } from "./client";

/** Address of the test that has machines. Without it there are none. */
export const MACHINES_VARIABLE = "REDIS_CLUSTER_KIT_TEST_MACHINES";

/** What is told, with the ids that it is about. */
export interface Told {
  run: { instanceId: string };
  start: { instanceId: string };
  stop: { instanceId: string };
  terminate: { instanceId: string };
  attach: { instanceId: string; volumeId: string };
  detach: { volumeId: string };
  deleteVolume: { volumeId: string };
  /** Asks for a public address that really leads to a machine, once it is associated. */
  allocate: { allocationId: string };
  associate: { allocationId: string; instanceId: string };
  /** Rules of security groups have changed. */
  rules: Record<string, never>;
}

/** What the machines answer; nothing where there are none. @throws Error with what went wrong there. */
export async function tell<What extends keyof Told>(what: What, about: Told[What]): Promise<Bag> {
  const url = process.env[MACHINES_VARIABLE];
  if (url === undefined) return {};
  const answer = await fetch(`${url}/${what}`, { method: "POST", body: JSON.stringify(about) });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`${what} ${JSON.stringify(about)}: ${said}`);
  return JSON.parse(said) as Bag;
}
