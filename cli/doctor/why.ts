/** What a finding means for those who use the cluster, by its code (cluster/diagnose.ts). */

const WHY: Readonly<Record<string, string>> = {
  "node-down":
    "While a primary is down its slots are served by a replica or by nobody; while a replica is down its shard has one copy less.",
  "node-refused":
    "Nobody listens there, so clients that are sent there fail; whether the process runs is not known.",
  "node-timeout":
    "It does not answer in time: clients wait for it, and the others may elect a replica in its place.",
  "node-auth":
    "It has another password than the declared one: clients and other nodes with the declared one are refused.",
  "node-loading": "It reads its data into memory and answers nothing else until then.",
  "node-foreign": "Another program has its address: clients that come there talk to the wrong one.",
  "node-error": "It answers in a way that a healthy node does not.",
  "slots-uncovered":
    "Keys in these slots can be neither read nor written, and with cluster-require-full-coverage the whole cluster refuses.",
  "slots-contested": "Two nodes take writes for the same keys: what one of them gets will be lost.",
  "slots-open":
    "A move of these slots was begun and not ended: clients are sent to and fro (ASK) until it is.",
  ghost:
    "Nodes keep trying to reach it, and as long as one remembers it, gossip brings it back to the others.",
  stranger: "A node that nobody declared takes part: it may hold slots, and votes count it.",
  split:
    "The groups do not know of each other's slots, so a client sees a part of the data, depending on where it asks.",
  "link-down": "It gets no writes: if its primary dies now, what was written meanwhile is lost.",
  password: "Whoever reaches the port gets in with what it accepts.",
  "zone-shared": "The loss of that zone takes the shard's data from primary and replica at once.",
  "zone-majority":
    "A failover needs the votes of a majority of the primaries; the loss of that zone takes the majority away.",
  unsettled: "Nodes see different clusters; clients may be sent to the wrong one until they agree.",
};

/** Undefined for codes that explain themselves. */
export function whyItMatters(code: string): string | undefined {
  return WHY[code];
}
