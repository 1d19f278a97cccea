/** What AWS knows before anything is declared: zones, images, and the servers that run. Asked once a run. */
import type * as pulumi from "@pulumi/pulumi";
import { ofArchitecture } from "./changes";
import { RefusedDeclaration } from "./refused";
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
}

export interface FactsRequest {
  readonly clusterName: string;
  readonly ami?: string;
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
  try {
    const [zones, running, subnets] = await Promise.all([
      usableZones(options),
      runningServers(request.clusterName, options),
      Promise.all(request.subnets.map((each) => subnetFacts(each, request.clusterName, options))),
    ]);
    const image =
      request.ami !== undefined
        ? await declaredImage(request.ami, options)
        : ofArchitecture(request.architecture, running).length === 0
          ? await defaultImage(request.architecture, options)
          : undefined;
    return { zones, running, subnets, ...(image === undefined ? {} : { image }) };
  } catch (error) {
    if (error instanceof RefusedDeclaration) throw error;
    throw new RefusedDeclaration([
      `AWS could not be asked: ${error instanceof Error ? error.message : String(error)}\n` +
        "    cure:     give Pulumi credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, or a role) for the account of the cluster, then run it again",
    ]);
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
  const image = await loadAws().ec2.getAmi({ filters }, options);
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
