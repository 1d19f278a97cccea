/** A cluster that another resource of the same run has adopted is not stopped for the one that had it before. */
import { expect, test } from "vitest";
import { type Holders, hold, otherHolder } from "../../../provider/holders";
import { declaration } from "./declarations";

const subject = (name: string) => ({ urn: `urn:pulumi:dev::shop::Topology::${name}`, name });
const [store, cache, sessions] = [subject("store"), subject("cache"), subject("sessions")];

test("the holder of a node is who declared it last; others' nodes are their own", () => {
  const holders: Holders = new Map();
  const [here, elsewhere] = [declaration(), declaration({ basePort: 7100 })];
  expect(otherHolder(holders, cache, here)).toBeUndefined();
  hold(holders, cache, here);
  hold(holders, sessions, elsewhere);
  expect(otherHolder(holders, cache, here)).toBeUndefined();
  hold(holders, store, here);
  expect(otherHolder(holders, cache, here)).toEqual(store);
  expect(otherHolder(holders, store, here)).toBeUndefined();
  expect(otherHolder(holders, sessions, elsewhere)).toBeUndefined();
});

test("one node in common is enough: stopping it would stop the other's", () => {
  const holders: Holders = new Map();
  hold(holders, store, declaration({ shards: 4 }));
  expect(otherHolder(holders, cache, declaration({ shards: 3 }))).toEqual(store);
});
