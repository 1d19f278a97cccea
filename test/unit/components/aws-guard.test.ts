import { describe, expect, test } from "vitest";
import { monthlyEstimate } from "../../../components/aws/cost";
import type { AwsFacts } from "../../../components/aws/facts";
import { launchOf, planServers } from "../../../components/aws/guard";
import { RefusedDeclaration } from "../../../components/aws/refused";
import type { AwsSubnetFacts } from "../../../components/aws/subnet-facts";
import { type AwsConfig, parseConfig } from "../../../config";
import { layOut } from "../../../topology";

function declared(aws: object = {}, zones = ["a", "b", "c"]): AwsConfig {
  const own = {
    region: "eu-central-1",
    sshPublicKey: "ssh-ed25519 AAAA",
    sshCidrs: ["203.0.113.7/32"],
    ...aws,
  };
  const raw = { target: "aws", zones, redis: { maxmemory: "8gb" }, aws: own };
  const config = parseConfig(raw, { project: "p", stack: "prod", dataRoot: "/d" });
  if (config.target !== "aws") throw new Error("not aws");
  return config;
}

const OLD = "ami-0aaaaaaaaaaaaaaa1";
const NEW = "ami-0aaaaaaaaaaaaaaa2";
const ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];

/** What AWS has after an `up` of `config`. */
function after(config: AwsConfig, ami = OLD): AwsFacts {
  const running = layOut(config).nodes.map(({ name, host, zone }) => {
    const { instanceType } = config.aws;
    return {
      node: name,
      instanceId: `i-${name}`,
      ami,
      instanceType,
      address: host,
      zone,
      launch: launchOf(config.aws),
      off: false,
    };
  });
  return { zones: ZONES, running, subnets: [] };
}

function plan(config: AwsConfig, facts: AwsFacts) {
  const maxmemoryBytes = Number(config.redis.maxmemory ?? 0);
  return planServers({ nodes: layOut(config).nodes, settings: config.aws, maxmemoryBytes }, facts);
}

function problems(config: AwsConfig, facts: AwsFacts): string {
  try {
    plan(config, facts);
  } catch (error) {
    if (error instanceof RefusedDeclaration) return error.message;
    throw error;
  }
  return "";
}

describe("what a run does to servers", () => {
  test("first: all are made from the image that was looked up", () => {
    const facts = { zones: ZONES, running: [], subnets: [], image: { id: NEW, architecture: "arm64" } };
    const { servers, isRolling } = plan(declared(), facts);
    expect(Object.values(servers)).toEqual(
      Array.from({ length: 6 }, () => ({ ami: NEW, turn: "", exists: false, off: false })),
    );
    expect(isRolling).toBe(false);
  });

  test("later: they keep their image, newcomers get it too, and none has a turn", () => {
    const facts = after(declared());
    const four = { ...declared(), shards: 4 };
    const { servers, isRolling } = plan(four, facts);
    expect(servers["shard-4-a"]).toEqual({ ami: OLD, turn: "", exists: false, off: false });
    expect(servers["shard-1-a"]).toEqual({ ami: OLD, turn: "", exists: true, off: false });
    expect(isRolling).toBe(false);
  });

  test("after an interruption only those that are left have a turn", () => {
    const config = declared({ ami: NEW });
    const facts = after(config);
    const done = { ...facts.running[1], ami: NEW };
    const running = facts.running.flatMap((server, index) =>
      // The second has been replaced, the third is gone.
      index === 1 ? [{ ...server, ...done }] : index === 2 ? [] : [server],
    );
    const { servers } = plan(config, { ...facts, running, image: { id: NEW, architecture: "arm64" } });
    const turns = Object.entries(servers).map(
      ([name, { turn, exists }]) => `${name} ${exists ? turn || "done" : "gone"}`,
    );
    expect(turns).toEqual([
      `shard-1-a image ${OLD} -> ${NEW}`,
      "shard-1-b done",
      "shard-2-a gone",
      `shard-2-b image ${OLD} -> ${NEW}`,
      `shard-3-a image ${OLD} -> ${NEW}`,
      `shard-3-b image ${OLD} -> ${NEW}`,
    ]);
  });

  test("a server that is off is told as such: nobody asks it", () => {
    const facts = after(declared());
    const running = facts.running.map((server) => ({ ...server, off: server.node === "shard-2-a" }));
    const { servers } = plan(declared({ instanceType: "r7g.xlarge" }), { ...facts, running });
    const off = Object.entries(servers).filter(([, server]) => server.off);
    expect(off.map(([name]) => name)).toEqual(["shard-2-a"]);
  });

  test("another type is a turn as well", () => {
    const { servers } = plan(declared({ instanceType: "r7g.xlarge" }), after(declared()));
    expect(servers["shard-1-a"]?.turn).toBe("type r7g.large -> r7g.xlarge");
  });
});

describe("another architecture", () => {
  const X86 = "ami-0bbbbbbbbbbbbbbb1";
  const LATER = "ami-0bbbbbbbbbbbbbbb2";
  const intel = declared({ instanceType: "r7i.large" });

  test("replaces the servers one by one, with an image that fits: none of the old architecture starts on the type", () => {
    const facts = { ...after(declared()), image: { id: X86, architecture: "x86_64" } };
    const { servers, isRolling } = plan(intel, facts);
    const turn = `image ${OLD} -> ${X86}, type r7g.large -> r7i.large`;
    expect(Object.values(servers)).toEqual(
      Array.from({ length: 6 }, () => ({ ami: X86, turn, exists: true, off: false })),
    );
    expect(isRolling).toBe(true);
  });

  test("after an interruption: those that are done keep their image, and the others get the same one", () => {
    const facts = after(declared());
    const [first, ...others] = facts.running;
    if (first === undefined) throw new Error("nobody runs");
    const done = { ...first, ami: X86, instanceType: "r7i.large" };
    // A newer image would only be looked up where no server of the architecture runs.
    const { servers } = plan(intel, { ...facts, running: [...others, done] });
    expect(servers[first.node]).toEqual({ ami: X86, turn: "", exists: true, off: false });
    expect(servers[others[0]?.node ?? ""]?.turn).toBe(`image ${OLD} -> ${X86}, type r7g.large -> r7i.large`);
    const gone = plan(intel, { ...facts, running: [...others.slice(1), done] });
    expect(gone.servers[others[0]?.node ?? ""]).toEqual({ ami: X86, turn: "", exists: false, off: false });
  });

  test("with a declared image takes that one, and refuses one of the other architecture", () => {
    const both = declared({ instanceType: "r7i.large", ami: LATER });
    const facts = after(declared());
    const { servers } = plan(both, { ...facts, image: { id: LATER, architecture: "x86_64" } });
    expect(servers["shard-1-a"]?.ami).toBe(LATER);
    expect(problems(both, { ...facts, image: { id: LATER, architecture: "arm64" } })).toMatch(
      /aws.ami: [^ ]+ is for arm64[\s\S]*x86_64, the architecture of r7i.large/,
    );
  });
});

describe("volumes", () => {
  const sized = (rootGib: number, dataGib: number) => {
    const facts = after(declared());
    return { ...facts, running: facts.running.map((server) => ({ ...server, rootGib, dataGib })) };
  };

  test("grow, and are left alone where they are as declared", () => {
    expect(problems(declared({ dataVolumeGib: 80, rootVolumeGib: 20 }), sized(16, 50))).toBe("");
    expect(problems(declared(), sized(16, 50))).toBe("");
  });

  test("do not shrink: a preview says so, before a server has had its turn", () => {
    const text = problems(declared({ dataVolumeGib: 40, rootVolumeGib: 12 }), sized(16, 50));
    expect(text).toMatch(
      /aws.dataVolumeGib: 40 GiB, and shard-1-a, [^\n]*shard-3-b have 50 GiB\n +expected: at least 50: AWS cannot make a volume smaller\n +cure: +pulumi config set --path aws.dataVolumeGib 50/,
    );
    expect(text).toMatch(/aws.rootVolumeGib: 12 GiB/);
    expect(text).toContain("2 problems; nothing was changed");
  });

  test("of one server that grew already count: an interrupted run went so far", () => {
    const facts = sized(16, 50);
    const running = facts.running.map((server, index) => (index === 0 ? { ...server, dataGib: 80 } : server));
    expect(problems(declared(), { ...facts, running })).toMatch(/shard-1-a has 80 GiB/);
  });
});

describe("what would take all servers at once", () => {
  test.each([
    ["another network", { vpcCidr: "10.61.0.0/16" }, /shard-1-a: address 10.60.0.10 -> 10.61.0.10/],
    ["other addresses", { addressOffset: 20 }, /shard-3-b: address 10.60.0.23 -> 10.60.0.33/],
    ["another key", { kmsKeyId: "arn:aws:kms:eu-central-1:123456789012:key/abc" }, /launch settings/],
    ["a placement group", { spreadPlacement: true }, /launch settings/],
  ])("is refused: %s", (_, change, expected) => {
    const text = problems(declared(change), after(declared()));
    expect(text).toMatch(expected);
    expect(text).toContain("both members of each shard");
  });

  test("is refused: other zones", () => {
    const config = declared();
    const moved = { ...config, zones: [...config.zones].reverse() };
    expect(problems(moved, after(config))).toMatch(/zone eu-central-1a -> eu-central-1c/);
    const more = declared({}, ["a", "b", "c", "d"]);
    const facts = { ...after(config), zones: more.zones };
    expect(problems(more, facts)).toMatch(
      /shard-3-b: zone eu-central-1a -> eu-central-1d[\s\S]*backup and restore/,
    );
  });

  test("is not: zones that appear in the account", () => {
    const facts = after(declared());
    const { warnings } = plan(declared(), { ...facts, zones: ["eu-central-1aa", ...ZONES, "eu-central-1d"] });
    expect(warnings).toEqual([]);
  });
});

describe("a zone that AWS does not offer any more", () => {
  const facts = { ...after(declared()), zones: ZONES.slice(0, 2) };

  test("stops nothing and moves nobody: the nodes in it stay, with a warning", () => {
    const { servers, isRolling, warnings } = plan(declared(), facts);
    expect(isRolling).toBe(false);
    expect(servers).toEqual(plan(declared(), after(declared())).servers);
    expect(warnings).toEqual([expect.stringMatching(/does not offer eu-central-1c[\s\S]*stay as they are/)]);
  });

  test("takes no node that is made, and none that is made again", () => {
    const four = { ...declared(), shards: 6 };
    expect(problems(four, facts)).toMatch(/zones: eu-central-1c\n[\s\S]*eu-central-1a, eu-central-1b/);
    const lost = facts.running.filter(({ node }) => node !== "shard-3-a");
    expect(problems(declared(), { ...facts, running: lost })).toMatch(/zones: eu-central-1c\n/);
    const image = { id: NEW, architecture: "arm64" };
    const rolling = problems(declared({ ami: NEW }), { ...facts, image });
    expect(rolling).toMatch(
      /shard-3-a: image ami-\w+ -> ami-\w+, in eu-central-1c[\s\S]*could not be made again/,
    );
    expect(rolling).toMatch(/2 problems/);
  });
});

describe("what AWS says against the declaration", () => {
  test("an unknown zone, and those that there are", () => {
    const text = problems(declared(), { ...after(declared()), running: [], zones: ZONES.slice(0, 2) });
    expect(text).toMatch(/zones: eu-central-1c[\s\S]*eu-central-1a, eu-central-1b/);
  });

  test("an instance type that the table does not have: memory and architecture are AWS's word", () => {
    const config = declared({ instanceType: "x9g.large" });
    const facts = after(config);
    const machine = (memoryGib: number, architecture = "arm64") => ({
      ...facts,
      machine: { memoryGib, architectures: [architecture] },
    });
    expect(plan(config, machine(32)).warnings).toEqual([]);
    expect(plan(config, machine(10)).warnings).toEqual([expect.stringMatching(/80 % of x9g.large's 10 GiB/)]);
    expect(problems(config, machine(8))).toMatch(
      /redis.maxmemory: 8.0 GiB[\s\S]*at most 6.8 GiB on x9g.large, which has 8 GiB/,
    );
    expect(problems(config, machine(32, "x86_64"))).toMatch(
      /aws.instanceType: x9g.large is for x86_64[\s\S]*a type for arm64/,
    );
  });

  test("an image for another architecture", () => {
    const image = { id: NEW, architecture: "x86_64" };
    expect(problems(declared({ ami: NEW }), { ...after(declared()), image })).toMatch(
      /is for x86_64[\s\S]*arm64/,
    );
  });

  describe("own subnets", () => {
    const VPC = "vpc-0123456789abcdef0";
    const subnets = {
      a: { id: "subnet-0aaaaaaaa", cidr: "10.0.1.0/24", publicId: "subnet-0dddddddd" },
      b: { id: "subnet-0bbbbbbbb", cidr: "10.0.2.0/24" },
      c: { id: "subnet-0cccccccc", cidr: "10.0.3.0/24" },
    };
    const fact = (id: string, zone: string, cidr: string): AwsSubnetFacts => ({
      id,
      vpcId: VPC,
      zone: `eu-central-1${zone}`,
      cidr,
      wayOut: "something else",
      taken: [],
    });
    const gate: AwsSubnetFacts = {
      ...fact("subnet-0dddddddd", "a", "10.0.9.0/24"),
      wayOut: "internet gateway",
    };
    const good = [gate, ...Object.entries(subnets).map(([zone, { id, cidr }]) => fact(id, zone, cidr))];
    const told = (change: (found: AwsSubnetFacts) => Partial<AwsSubnetFacts>, aws: object = {}) => {
      const found = good.map((each) => ({ ...each, ...change(each) }));
      const facts = { zones: ZONES, running: [], subnets: found, image: { id: NEW, architecture: "arm64" } };
      return problems(declared({ vpcId: VPC, subnets, ...aws }), facts);
    };

    test("that are as declared are taken", () => {
      expect(told(() => ({}))).toBe("");
    });

    test.each<[string, string, Partial<AwsSubnetFacts>, RegExp]>([
      ["in another zone", "b", { zone: "eu-central-1a" }, /subnet-0bbbbbbbb lies in eu-central-1a/],
      ["with another block", "c", { cidr: "10.0.1.0/24" }, /subnet-0cccccccc has 10.0.1.0\/24/],
      ["of another network", "a", { vpcId: "vpc-0f" }, /subnet-0aaaaaaaa belongs to vpc-0f/],
      [
        "without a way out",
        "a",
        { wayOut: "nothing" },
        /subnet-0aaaaaaaa leads to nothing outside[\s\S]*nat none/,
      ],
      [
        "that are public",
        "b",
        { wayOut: "internet gateway" },
        /subnet-0bbbbbbbb leads to an internet gateway/,
      ],
      [
        "whose addresses are taken",
        "c",
        { taken: ["10.0.3.17"] },
        /10.0.3.17 is somebody else's[\s\S]*addressOffset/,
      ],
      [
        "that are not public, for a bastion",
        "d",
        { wayOut: "something else" },
        /subnet-0dddddddd has no route to/,
      ],
      [
        "in another zone, for a bastion",
        "d",
        { zone: "eu-central-1b" },
        /subnet-0dddddddd lies in eu-central-1b/,
      ],
    ])("%s are refused", (_, letter, change, expected) => {
      const text = told(({ id }) => (id.endsWith(letter) ? change : {}));
      expect(text).toMatch(expected);
      expect(text).toMatch(/1 problem; nothing was changed/);
    });

    test("need no way out where nothing is fetched, and no public one without a bastion", () => {
      expect(told(({ id }) => (id.endsWith("d") ? {} : { wayOut: "nothing" }), { nat: "none" })).toBe("");
      expect(told(({ id }) => (id.endsWith("d") ? { wayOut: "nothing" } : {}), { access: "direct" })).toBe(
        "",
      );
    });
  });
});

test("the estimate tells its parts and that it is one", () => {
  const { aws } = declared();
  expect(monthlyEstimate(aws, 6)).toMatch(
    /^Estimate: about \d+ USD a month in eu-central-1 \(6 r7g.large \d+, volumes \d+, NAT \d+, bastion \d+\), on demand, prices of \d{4}-\d\d/,
  );
  expect(monthlyEstimate(declared({ instanceType: "x9q.large" }).aws, 6)).toContain("is left out");
  expect(monthlyEstimate(declared({ nat: "none", access: "direct" }).aws, 6)).not.toMatch(/NAT|bastion/);
});
