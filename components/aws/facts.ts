/** What AWS knows before anything is declared: zones, images, and the servers that run. Asked once a run. */
import type * as pulumi from "@pulumi/pulumi";
import { ask, askAll, NoAnswer } from "./ask";
import { ofArchitecture } from "./changes";
import { askMachine, type Machine } from "./machine";
import { loadAws } from "./sdk";
import { type AwsSubnetFacts, type SubnetRequest, subnetFacts } from "./subnet-facts";
import { CLUSTER_TAG, DATA_DEVICE, LAUNCH_TAG, NODE_TAG, ROLE_TAG } from "./tags";

/** A server of the cluster as it is now, terminated ones left out. */
export interface RunningServer {
  readonly node: string;
  readonly instanceId: string;
  readonly ami: string;
  readonly instanceType: string;
  readonly address: string;
  readonly zone: string;
  readonly launch: string;
  /** Sizes of its volumes as they are; undefined where it has none at the moment. */
  readonly rootGib?: number | undefined;
  readonly dataGib?: number | undefined;
  /** Stopped, or about to be. */
  readonly off: boolean;
}

export interface AwsImage {
  readonly id: string;
  readonly architecture: string;
}

export interface AwsFacts {
  /** Zones that the account can use. */
  readonly zones: readonly string[];
  readonly running: readonly RunningServer[];
  /** The declared image, or the default where no server of the declared architecture runs yet. */
  readonly image?: AwsImage;
  readonly subnets: readonly AwsSubnetFacts[];
  /** Of an instance type that is not in the kit's table. */
  readonly machine?: Machine;
}

export interface FactsRequest {
  readonly clusterName: string;
  readonly ami?: string;
  readonly instanceType: string;
  readonly architecture: string;
  /** Of the user's own. */
  readonly subnets: readonly SubnetRequest[];
}

/** Debian's own account, https://wiki.debian.org/Cloud/AmazonEC2Image */
const DEBIAN = "136693071363";
const DEBIAN_ARCHITECTURES: Readonly<Record<string, string>> = { arm64: "arm64", x86_64: "amd64" };

/**
 * Changes nothing. The running servers tell which image is in use, so that the default is looked up for the first server
 * (of an architecture) only: a newer image that appears later replaces nobody.
 * @throws RefusedDeclaration where AWS cannot be asked.
 */
export async function askAws(request: FactsRequest, options: pulumi.InvokeOptions): Promise<AwsFacts> {
  const { clusterName, instanceType } = request;
  const servers = ask(SERVERS, () => runningServers(clusterName, options));
  const [zones, running, subnets, image, machine] = await askAll([
    ask(ZONES, () => usableZones(options)),
    servers,
    Promise.all(request.subnets.map((each) => askSubnet(each, clusterName, options))),
    servers.then((running) => imageFor(request, running, options)),
    askMachine(instanceType, options),
  ]);
  return {
    zones,
    running,
    subnets,
    ...(image === undefined ? {} : { image }),
    ...(machine === undefined ? {} : { machine }),
  };
}

/** These are never missing: an account has zones, and no servers is an answer. */
const NEVER = { expected: "an answer", cure: "run it again" };
const ZONES = { what: "zones", action: "ec2:DescribeAvailabilityZones", missing: NEVER };
const SERVERS = { what: "the servers of the cluster", action: "ec2:DescribeInstances", missing: NEVER };

function askSubnet(
  request: SubnetRequest,
  clusterName: string,
  options: pulumi.InvokeOptions,
): Promise<AwsSubnetFacts> {
  const question = {
    what: `aws.subnets: ${request.id}`,
    action: "ec2:DescribeSubnets, ec2:DescribeRouteTables and ec2:DescribeNetworkInterfaces",
    missing: {
      expected: "a subnet of this account and region",
      cure: "look it up: aws ec2 describe-subnets, and correct the stack file",
    },
  };
  return ask(question, () => subnetFacts(request, clusterName, options));
}

/** The declared image, or the default for the first server of the declared architecture. */
async function imageFor(
  { ami, architecture }: FactsRequest,
  running: readonly RunningServer[],
  options: pulumi.InvokeOptions,
): Promise<AwsImage | undefined> {
  const action = "ec2:DescribeImages";
  if (ami === undefined) {
    if (ofArchitecture(architecture, running).length > 0) return undefined;
    const missing = {
      expected: `an image of Debian's account for ${architecture} in this region`,
      cure: "name an image of yours: pulumi config set --path aws.ami ami-0123456789abcdef0",
    };
    return ask({ what: "Debian 12's image", action, missing }, () => defaultImage(architecture, options));
  }
  const missing = {
    expected: "an image of this region that this account may use",
    cure: `look it up: aws ec2 describe-images --include-deprecated --image-ids ${ami}, and correct aws.ami`,
  };
  try {
    return await ask({ what: `aws.ami: ${ami}`, action, missing }, () => declaredImage(ami, options));
  } catch (error) {
    // Deregistered since: as long as all servers have it and none is made, nobody needs it.
    const isInUse = running.length > 0 && running.every((server) => server.ami === ami);
    if (isInUse && error instanceof NoAnswer && error.reason === "missing") return undefined;
    throw error;
  }
}

async function usableZones(options: pulumi.InvokeOptions): Promise<string[]> {
  const { names } = await loadAws().getAvailabilityZones(
    { state: "available", filters: [{ name: "opt-in-status", values: ["opt-in-not-required", "opted-in"] }] },
    options,
  );
  return names;
}

async function runningServers(clusterName: string, options: pulumi.InvokeOptions): Promise<RunningServer[]> {
  const { ec2 } = loadAws();
  const { ids } = await ec2.getInstances(
    {
      instanceTags: { [CLUSTER_TAG]: clusterName, [ROLE_TAG]: "node" },
      instanceStateNames: ["pending", "running", "stopping", "stopped"],
    },
    options,
  );
  const servers = await Promise.all(ids.map((instanceId) => ec2.getInstance({ instanceId }, options)));
  return servers
    .map((server) => ({
      node: server.tags[NODE_TAG] ?? "",
      instanceId: server.instanceId ?? server.id,
      ami: server.ami,
      instanceType: server.instanceType,
      address: server.privateIp,
      zone: server.availabilityZone,
      launch: server.tags[LAUNCH_TAG] ?? "",
      rootGib: server.rootBlockDevices[0]?.volumeSize,
      dataGib: server.ebsBlockDevices.find(({ deviceName }) => deviceName === DATA_DEVICE)?.volumeSize,
      off: /^stop/.test(server.instanceState),
    }))
    .sort((one, other) => (one.node < other.node ? -1 : 1));
}

async function declaredImage(id: string, options: pulumi.InvokeOptions): Promise<AwsImage> {
  const filters = [{ name: "image-id", values: [id] }];
  // AWS hides images that are past their date of deprecation; they start servers as before.
  const image = await loadAws().ec2.getAmi({ filters, includeDeprecated: true }, options);
  return { id: image.id, architecture: image.architecture };
}

async function defaultImage(architecture: string, options: pulumi.InvokeOptions): Promise<AwsImage> {
  const name = `debian-12-${DEBIAN_ARCHITECTURES[architecture] ?? architecture}-*`;
  const image = await loadAws().ec2.getAmi(
    { owners: [DEBIAN], mostRecent: true, filters: [{ name: "name", values: [name] }] },
    options,
  );
  return { id: image.id, architecture: image.architecture };
}
