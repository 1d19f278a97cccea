/** The keys under `aws:` about how servers are made ready: where Redis comes from, and by which keys ssh knows them. */
import { z } from "zod";
import { nodeName } from "../../topology/names";
import { ABSENT, type Problem, printable } from "../error";
import { fieldMeta } from "../field-meta";
import { hostKey } from "../ssh";
import { set } from "./kinds";

export const install = z
  .enum(["source", "archive"])
  .default("source")
  .describe(
    "Where the servers' Redis comes from: built on each of them, or `redisSource`, a tar.gz with redis-server and redis-cli for the servers' architecture. A build takes minutes of every server's turn when images are changed.",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: '"source" or "archive"',
    cure: set("install", "source"),
    change: "for servers and versions that are installed from then on; what runs stays as it is",
  });

/** The key that stands for the bastion among nodes' names. */
export const BASTION = "bastion";

export const hostKeys = z
  .record(z.string(), hostKey)
  .default({})
  .describe(
    'ssh host keys by name of the node, and of the bastion as "bastion". They stay when a server is replaced. A pinned key is the only one that is taken there.',
  )
  .register(fieldMeta, {
    kind: "record",
    expected: 'keys such as "ssh-ed25519 AAAA..." by node name or "bastion"',
    cure: set("hostKeys.bastion", '"ssh-ed25519 AAAA..."'),
    change: "live; the scripts run again and change nothing",
  });

interface Provisioned {
  readonly install: z.output<typeof install>;
  readonly hostKeys: z.output<typeof hostKeys>;
}

export interface ProvisioningSurroundings {
  readonly shards: number;
  readonly replicasPerShard: number;
  readonly redisSource?: string | undefined;
}

export function provisioningProblems(
  { install: from, hostKeys: pinned }: Provisioned,
  around: ProvisioningSurroundings,
): Problem[] {
  const { redisSource } = around;
  const names = Array.from({ length: around.shards }, (_, shard) =>
    Array.from({ length: around.replicasPerShard + 1 }, (__, member) => nodeName(shard, member)),
  ).flat();
  const strange = Object.keys(pinned).filter((name) => name !== BASTION && !names.includes(name));
  return [
    ...(from === "archive" && redisSource === undefined
      ? [
          {
            property: "redisSource",
            value: ABSENT,
            expected: "a tar.gz with redis-server and redis-cli in it, since aws.install is archive",
            cure: "pulumi config set redisSource /path/to/redis.tar.gz, or pulumi config set --path aws.install source",
          },
        ]
      : []),
    ...strange.map((name) => ({
      property: "aws.hostKeys",
      value: printable(name),
      expected: `names of nodes (${names[0]} to ${names.at(-1)}) or ${BASTION}`,
      cure: `pulumi config rm --path 'aws.hostKeys["${name}"]'`,
    })),
  ];
}

/** The kit puts nothing on servers that it cannot check, and the agent's package has no checksum that stays. */
export function sessionWarnings({
  sessionManager,
  ami,
}: {
  readonly sessionManager: boolean;
  readonly ami?: string | undefined;
}): string[] {
  if (!sessionManager || ami !== undefined) return [];
  return [
    "aws.sessionManager: Debian's image has no SSM agent, so the servers' role may open shells and nothing does. Declare an image that brings it (aws.ami), or install it yourself.",
  ];
}
