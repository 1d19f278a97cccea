/** The keys under `aws:`. */
import { z } from "zod";
import { fieldMeta } from "../field-meta";
import { BLOCK, cidr, flag, gib, groupId, list, set } from "./kinds";
import { hostKeys, install } from "./provisioning";

const INSTANCE_TYPE = /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/;

const region = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
  .optional()
  .describe("Region of everything.")
  .register(fieldMeta, {
    kind: "text",
    expected: "a region such as eu-central-1",
    cure: set("region", "eu-central-1"),
    change: "refused while the cluster exists",
    computedDefault: "none: it must be declared",
  });

const instanceType = z
  .string()
  .regex(INSTANCE_TYPE)
  .default("r7g.large")
  .describe("Instance type of every server.")
  .register(fieldMeta, {
    kind: "text",
    expected: "an instance type such as r7g.large",
    cure: set("instanceType", "r7g.large"),
    change:
      "servers stop and start with it one at a time, primaries handed over before; for another architecture they are replaced, with its default image where no `ami` is declared",
  });

const ami = z
  .string()
  .regex(/^ami-[0-9a-f]{8,17}$/)
  .optional()
  .describe("Image of every server: Debian 12 or compatible (systemd, apt, cloud-init).")
  .register(fieldMeta, {
    kind: "text",
    expected: "an image id such as ami-0123456789abcdef0",
    cure: set("ami", "ami-0123456789abcdef0"),
    change: "servers are replaced one at a time, primaries handed over before; addresses and data stay",
    computedDefault: "that of the running servers; for the first, Debian's current release 12 image",
  });

const vpcCidr = cidr
  .default("10.60.0.0/16")
  .describe("Addresses of the network that the kit creates; a /16 to /24.")
  .register(fieldMeta, {
    kind: "text",
    expected: BLOCK,
    cure: set("vpcCidr", "10.60.0.0/16"),
    change: "refused while the cluster exists",
  });

const vpcId = z
  .string()
  .regex(/^vpc-[0-9a-f]{8,17}$/)
  .optional()
  .describe("Your own network instead of a new one; `subnets` goes with it.")
  .register(fieldMeta, {
    kind: "text",
    expected: "the id of a VPC, e.g. vpc-0123456789abcdef0",
    cure: set("vpcId", "vpc-0123456789abcdef0"),
    change: "refused while the cluster exists",
    computedDefault: "none: the kit creates a network",
  });

const subnets = z
  .record(
    z.string(),
    z.strictObject({
      id: z
        .string()
        .regex(/^subnet-[0-9a-f]{8,17}$/)
        .describe("Id of the private subnet, e.g. subnet-0123456789abcdef0."),
      cidr: cidr.describe("Its IPv4 block; compared with what AWS says."),
      publicId: z
        .string()
        .optional()
        .describe("Id of a public subnet for the bastion; of the first zone only."),
    }),
  )
  .default({})
  .describe(
    "With `vpcId`: the private subnet of each zone, `{a: {id: subnet-..., cidr: 10.0.1.0/24}}`; the first zone's `publicId` is where a bastion goes.",
  )
  .register(fieldMeta, {
    kind: "record",
    expected: "{zone: {id: subnet-..., cidr: ...}} for each of the zones",
    cure: 'pulumi config set --path "aws.subnets.a.id" subnet-0123456789abcdef0, and the same for its cidr',
    change: "refused while the cluster exists",
  });

const addressOffset = z
  .int()
  .min(4)
  .max(4096)
  .default(10)
  .describe(
    "Where the nodes' fixed addresses begin in each subnet: shard N, member M has the address offset + 6 (N - 1) + M.",
  )
  .register(fieldMeta, {
    kind: "integer",
    expected: "a whole number from 4 to 4096 (AWS keeps the first four addresses of a subnet)",
    cure: set("addressOffset", "10"),
    change: "refused while the cluster exists",
  });

const clientMeta = {
  cure: set('"clientSecurityGroups[0]"', "sg-0123456789abcdef0"),
  change: "rules are added and removed live; no connection to a remaining source breaks",
};

const clientSecurityGroups = list(
  groupId,
  "Security groups of yours whose members may reach Redis (port 6379), beside the kit's own (output `clientSecurityGroupId`).",
  {
    expected: "ids of security groups, e.g. sg-0123456789abcdef0",
    ...clientMeta,
  },
);

const clientCidrs = list(cidr, "IPv4 blocks that may reach Redis (port 6379).", {
  ...clientMeta,
  expected: `a list of blocks, each ${BLOCK}`,
  cure: set('"clientCidrs[0]"', "10.1.0.0/16"),
});

const monitoringSecurityGroups = list(
  groupId,
  "Security groups whose members may reach the exporters (port 9121).",
  {
    ...clientMeta,
    expected: "ids of security groups, e.g. sg-0123456789abcdef0",
    cure: set('"monitoringSecurityGroups[0]"', "sg-0123456789abcdef0"),
  },
);

const access = z
  .enum(["bastion", "direct"])
  .default("bastion")
  .describe(
    "How the kit reaches the servers: through a small server of its own with a public address, or directly (from inside the network, or over a VPN).",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: '"bastion" or "direct"',
    cure: set("access", "bastion"),
    change: "the bastion is created or removed; the cluster is not touched",
  });

const sshCidrs = list(
  cidr,
  "IPv4 blocks that may reach the bastion, with `access: direct` the servers (port 22).",
  {
    expected: `a list of blocks, each ${BLOCK}`,
    cure: set('"sshCidrs[0]"', "203.0.113.7/32"),
    change: "rules are added and removed live",
  },
);

const sshPublicKey = z
  .string()
  .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+( [^\p{Cc}]*)?$/u)
  .optional()
  .describe("Public key whose private half the kit uses, in OpenSSH's form.")
  .register(fieldMeta, {
    kind: "text",
    expected: "one line such as ssh-ed25519 AAAA... name",
    cure: 'pulumi config set --path aws.sshPublicKey "$(cat ~/.ssh/id_ed25519.pub)"',
    change: "for servers made from then on: the key is put in when a server is made",
    computedDefault: "none: it must be declared",
  });

const nat = z
  .enum(["one", "per-zone", "none"])
  .default("one")
  .describe(
    "Way out for installation: one NAT gateway (its loss stops no cluster), one a zone, or none (your image or mirror has everything).",
  )
  .register(fieldMeta, {
    kind: "text",
    expected: '"one", "per-zone" or "none"',
    cure: set("nat", "one"),
    change: "routes change; the cluster needs none of them to serve",
  });

const kmsKeyId = z
  .string()
  .regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/)
  .optional()
  .describe("Key that encrypts the volumes, as ARN.")
  .register(fieldMeta, {
    kind: "text",
    expected: "the ARN of a KMS key",
    cure: "pulumi config rm --path aws.kmsKeyId",
    change: "refused while the cluster exists: AWS would replace the volumes",
    computedDefault: "the account's key for EBS",
  });

const tags = z
  .record(z.string().min(1).max(128), z.string().max(256))
  .default({})
  .describe("Further tags of every resource.")
  .register(fieldMeta, {
    kind: "record",
    expected: "texts by name",
    cure: set("tags.team", "platform"),
    change: "set live",
  });

export const awsSchema = z.strictObject({
  region,
  instanceType,
  ami,
  vpcCidr,
  vpcId,
  subnets,
  addressOffset,
  clientSecurityGroups,
  clientCidrs,
  monitoringSecurityGroups,
  access,
  sshCidrs,
  sshPublicKey,
  hostKeys,
  install,
  nat,
  dataVolumeGib: gib(
    "dataVolumeGib",
    1,
    50,
    "Size of each node's data volume",
    "volume and file system grow live",
  ),
  rootVolumeGib: gib(
    "rootVolumeGib",
    8,
    16,
    "Size of each server's root volume",
    "the volume grows live, its file system at the next boot",
  ),
  kmsKeyId,
  detailedMonitoring: flag(
    "detailedMonitoring",
    "CloudWatch metrics every minute instead of every five.",
    "live",
  ),
  spreadPlacement: flag(
    "spreadPlacement",
    "A spread placement group: no two servers of a zone on one rack. AWS allows seven servers a zone.",
    "refused while the cluster exists: AWS would replace the servers",
  ),
  sessionManager: flag(
    "sessionManager",
    "Lets the servers' role open shells through Session Manager, for people; the kit itself uses ssh. The image must bring the SSM agent, which Debian's has not: declare `ami`.",
    "the servers' role is changed live",
  ),
  allowOneZone: flag(
    "allowOneZone",
    "Whether a cluster in a single zone is allowed. With that zone it is gone.",
    "nothing by itself",
  ),
  allowDestroy: flag(
    "allowDestroy",
    "Whether `pulumi destroy` may delete the cluster. False: network and cluster are protected, data volumes kept, termination protection on.",
    "protection is switched live; it takes one `up` before a destroy",
  ),
  exposeToTheWholeInternet: flag(
    "exposeToTheWholeInternet",
    "Lets 0.0.0.0/0, or any block of public addresses that is bigger than a /8, stand in clientCidrs or sshCidrs. Redis on the internet is found within minutes.",
    "nothing by itself",
  ),
  tags,
});

export type AwsValues = z.output<typeof awsSchema>;
