import { describe, expect, it } from "vitest";
import { parseAclUser } from "../../../cluster/parse";
import { passwordFacts, passwordHash } from "../../../cluster/passwords";
import { plan } from "../../../cluster/plan";
import { describeStep } from "../../../cluster/plan/describe";
import type { Plan, Refusal } from "../../../cluster/plan/types";
import type { ClusterSpec } from "../../../cluster/spec";
import type { NodeUp } from "../../../cluster/view";
import {
  freshNode,
  healthyNodes,
  introduce,
  specFor,
  stoppedNode,
  view,
  withNodes,
} from "../../support/views";

/** The declared password is "new"; "old" is the one before it. */
const spec: ClusterSpec = { ...specFor(3, 1), password: "new", previousPasswords: ["old"] };

type Passwords = Pick<NodeUp, "acceptedPasswords" | "linkPasswordIndex"> & { otherPasswords?: number };
const OLD: Passwords = { acceptedPasswords: [1], linkPasswordIndex: 1 };
const BOTH: Passwords = { acceptedPasswords: [0, 1], linkPasswordIndex: 0 };
const NEW: Passwords = { acceptedPasswords: [0], linkPasswordIndex: 0 };
const NONE: Passwords = { acceptedPasswords: [], linkPasswordIndex: -1 };

function nodesWith(passwords: Passwords, version = "5.0.14", only?: readonly string[]): NodeUp[] {
  return healthyNodes(spec, 10).map((node) => ({
    ...node,
    version,
    ...(only === undefined || only.includes(node.name) ? passwords : NEW),
    passwordIndex: passwords.acceptedPasswords[0] ?? -1,
  }));
}

function lines(decision: Plan | Refusal): string[] {
  if (decision.kind === "refusal") throw new Error(`refused: ${decision.reason}`);
  return decision.steps.map(describeStep);
}

const LINKS = "use the new password for replication on";
const SWITCH = "change the password of";
const ALLOW = "accept the declared passwords on";
const REVOKE = "accept no other password on";
const SETTLE = "wait until 6 nodes agree and every replica is in sync";

describe("rotation on 5.0, where there is one password", () => {
  it("changes links first, then the password, then the files", () => {
    const stale = { ...spec, nodes: spec.nodes.map((node) => ({ ...node, configSha256: "new" })) };
    expect(lines(plan(stale, view(...nodesWith(OLD))))).toEqual([
      `${LINKS} 6 nodes`,
      `${SWITCH} 6 nodes`,
      "write redis.conf of 6 nodes",
      SETTLE,
    ]);
  });

  const cases: { name: string; nodes: readonly NodeUp[]; expected: readonly string[] }[] = [
    { name: "nothing to do", nodes: nodesWith(NEW), expected: [] },
    {
      name: "a run that died before the switch",
      nodes: nodesWith({ acceptedPasswords: [1], linkPasswordIndex: 0 }),
      expected: [`${SWITCH} 6 nodes`, SETTLE],
    },
    {
      name: "a run that died in the middle of the links",
      nodes: nodesWith({ acceptedPasswords: [1], linkPasswordIndex: 0 }).map((node) =>
        node.name === "s2-m1" ? { ...node, ...OLD } : node,
      ),
      expected: [`${LINKS} s2-m1`, `${SWITCH} 6 nodes`, SETTLE],
    },
    {
      name: "a run that died in the middle of the switch, or nodes that restarted from new files",
      nodes: nodesWith(OLD, "5.0.14", ["s0-m0", "s1-m1"]),
      expected: [`${LINKS} s0-m0, s1-m1`, `${SWITCH} s0-m0, s1-m1`, SETTLE],
    },
    {
      name: "a cluster without a password gets one",
      nodes: nodesWith(NONE),
      expected: [`${LINKS} 6 nodes`, `${SWITCH} 6 nodes`, SETTLE],
    },
  ];
  for (const { name, nodes, expected } of cases)
    it(name, () => {
      expect(lines(plan(spec, view(...nodes)))).toEqual(expected);
    });

  it("says that previous passwords cannot be kept", () => {
    const decision = plan({ ...spec, keepPreviousPasswords: true }, view(...nodesWith(OLD)));
    expect(decision).toMatchObject({
      warnings: [expect.stringMatching(/Redis before 6.0 knows one password/)],
    });
    expect(lines(decision)).toHaveLength(3);
  });
});

describe("rotation on 6.0 and later, where there may be several", () => {
  const keep = { ...spec, keepPreviousPasswords: true };
  const cases: { name: string; spec: ClusterSpec; nodes: readonly NodeUp[]; expected: readonly string[] }[] =
    [
      {
        name: "allows, links, revokes in one run where nothing is to be kept",
        spec,
        nodes: nodesWith(OLD, "7.0.15"),
        expected: [`${ALLOW} 6 nodes`, `${LINKS} 6 nodes`, `${REVOKE} 6 nodes`, SETTLE],
      },
      {
        name: "keeps the old one for a phase",
        spec: keep,
        nodes: nodesWith(OLD, "7.0.15"),
        expected: [`${ALLOW} 6 nodes`, `${LINKS} 6 nodes`, SETTLE],
      },
      {
        name: "has nothing to do within the phase",
        spec: keep,
        nodes: nodesWith(BOTH, "6.2.14"),
        expected: [],
      },
      {
        name: "gives the old one back to a node that restarted within the phase",
        spec: keep,
        nodes: nodesWith(BOTH, "6.2.14").map((node) => (node.name === "s1-m0" ? { ...node, ...NEW } : node)),
        expected: [`${ALLOW} s1-m0`, SETTLE],
      },
      {
        name: "ends the phase",
        spec,
        nodes: nodesWith(BOTH, "6.2.14"),
        expected: [`${REVOKE} 6 nodes`, SETTLE],
      },
      {
        name: "ends the phase although nobody knows the old one any more",
        spec: { ...spec, previousPasswords: [] },
        nodes: nodesWith({ ...NEW, otherPasswords: 1 }, "6.2.14"),
        expected: [`${REVOKE} 6 nodes`, SETTLE],
      },
      {
        name: "leaves passwords alone that were set by hand within the phase",
        spec: keep,
        nodes: nodesWith({ ...BOTH, otherPasswords: 1 }, "6.2.14"),
        expected: [],
      },
      {
        name: "goes on where a run died between allow and links",
        spec,
        nodes: nodesWith({ acceptedPasswords: [0, 1], linkPasswordIndex: 1 }, "6.2.14"),
        expected: [`${LINKS} 6 nodes`, `${REVOKE} 6 nodes`, SETTLE],
      },
      {
        name: "rotates a cluster that is half 5.0 and half 6.2",
        spec: { ...spec, version: "6.2.14", nodes: spec.nodes },
        nodes: nodesWith(OLD, "6.2.14").map((node) =>
          node.name === "s0-m0"
            ? { ...node, version: "5.0.14", host: { ...node.host, installedVersion: "6.2.14" } }
            : node,
        ),
        expected: [
          `${ALLOW} 5 nodes`,
          `${LINKS} 6 nodes`,
          `${SWITCH} s0-m0`,
          `${REVOKE} 5 nodes`,
          "failover: s0-m1 takes over from s0-m0",
          "restart s0-m0",
          SETTLE,
        ],
      },
    ];
  for (const { name, spec: declared, nodes, expected } of cases)
    it(name, () => {
      const version = nodes[0]?.version.startsWith("5") ? "6.2.14" : (nodes[0]?.version ?? "");
      expect(lines(plan({ ...declared, version }, view(...nodes)))).toEqual(expected);
    });

  it("writes the files before the old password ends: a node that restarts in between keeps what the others have", () => {
    const stale = {
      ...spec,
      version: "7.0.15",
      nodes: spec.nodes.map((node) => ({ ...node, configSha256: "new" })),
    };
    const nodes = nodesWith({ acceptedPasswords: [0, 1], linkPasswordIndex: 1 }, "7.0.15");
    expect(lines(plan(stale, view(...nodes)))).toEqual([
      `${LINKS} 6 nodes`,
      "write redis.conf of 6 nodes",
      `${REVOKE} 6 nodes`,
      SETTLE,
    ]);
  });
});

describe("rotation beside other changes", () => {
  it("does not begin while slots are open", () => {
    const open = nodesWith(OLD).map((node) =>
      node.name === "s0-m0" ? { ...node, migrating: [{ slot: 5, peerId: "f".repeat(40) }] } : node,
    );
    expect(lines(plan(spec, view(...open)))).toEqual(["repair slots 5"]);
  });

  it("is finished although slots are open once it has begun", () => {
    const open = nodesWith({ acceptedPasswords: [1], linkPasswordIndex: 0 }).map((node) =>
      node.name === "s0-m0" ? { ...node, migrating: [{ slot: 5, peerId: "f".repeat(40) }] } : node,
    );
    expect(lines(plan(spec, view(...open)))).toEqual([`${SWITCH} 6 nodes`, "repair slots 5"]);
  });

  it("comes after dead nodes are started and before anything that needs links", () => {
    const nodes = nodesWith(OLD);
    const stopped = nodes.map((node) => (node.name === "s2-m1" ? stoppedNode(specOf("s2-m1")) : node));
    expect(lines(plan(spec, view(...stopped)))).toEqual(["start s2-m1"]);
  });

  it("finishes what a half-made cluster's nodes have before they are introduced", () => {
    const fresh = introduce(
      [],
      spec.nodes.map((node) => ({ ...freshNode(node), ...OLD, passwordIndex: 1 })),
    );
    expect(lines(plan(spec, view(...fresh))).slice(0, 3)).toEqual([
      `${LINKS} 6 nodes`,
      `${SWITCH} 6 nodes`,
      "check data and bus ports of 6 nodes",
    ]);
  });

  it("is not asked for where no password is declared", () => {
    const nodes = nodesWith(NONE);
    expect(lines(plan({ ...spec, password: "", previousPasswords: [] }, withNodes(nodes)))).toEqual([]);
  });

  function specOf(name: string) {
    const found = spec.nodes.find((node) => node.name === name);
    if (!found) throw new Error(name);
    return found;
  }
});

describe("what a node accepts, without the passwords themselves", () => {
  const known = ["new", "old"];
  const config = (requirepass: string, masterauth: string) =>
    new Map([
      ["requirepass", requirepass],
      ["masterauth", masterauth],
    ]);
  const acl = (flags: string[], hashes: string[]) =>
    parseAclUser(["flags", flags, "passwords", hashes, "commands", "+@all"]);

  it("before 6.0 is requirepass", () => {
    const of = (requirepass: string, masterauth: string) =>
      passwordFacts(known, config(requirepass, masterauth), undefined);
    expect(of("old", "new")).toEqual({ acceptedPasswords: [1], otherPasswords: 0, linkPasswordIndex: 0 });
    expect(of("", "")).toEqual({ acceptedPasswords: [], otherPasswords: 0, linkPasswordIndex: -1 });
    expect(of("third", "third")).toEqual({ acceptedPasswords: [], otherPasswords: 1, linkPasswordIndex: -1 });
  });

  it("from 6.0 on is the default user's list of hashes, whatever requirepass says", () => {
    const hashes = [passwordHash("old"), passwordHash("new"), passwordHash("third")];
    expect(passwordFacts(known, config("old", "old"), acl(["on"], hashes))).toEqual({
      acceptedPasswords: [0, 1],
      otherPasswords: 1,
      linkPasswordIndex: 1,
    });
    expect(passwordFacts(known, config("", ""), acl(["on", "nopass"], []))).toEqual({
      acceptedPasswords: [],
      otherPasswords: 0,
      linkPasswordIndex: -1,
    });
  });
});
