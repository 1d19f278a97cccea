/** A cluster in AWS under Pulumi's mocks: every resource that it would register, and what AWS would answer. */
// components/redis-cluster.ts requires what only some targets need when it needs it; under vitest that wants the launcher's hook.
import "../../../scripts/ts.cjs";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";

export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Parts of the request that mocks do not show. */
  readonly parent: string;
  readonly provider: string;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly ignoreChanges: readonly string[];
  /** Names of the resources that it waits for. */
  readonly dependencies: readonly string[];
  /** The same by property. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
}

/** What AWS answers: one instance a running server. */
export interface Answers {
  readonly zones?: readonly string[];
  readonly running?: readonly {
    readonly node: string;
    readonly ami: string;
    readonly instanceType: string;
    readonly privateIp: string;
    readonly availabilityZone: string;
    readonly launch: string;
  }[];
  readonly imageArchitecture?: string;
  /** The user's own, by id; a gateway of the user's is their way out, and all of their addresses are free. */
  readonly subnets?: Readonly<
    Record<string, { readonly vpcId: string; readonly availabilityZone: string; readonly cidrBlock: string }>
  >;
  /** By token of the function: the error in its place. */
  readonly failing?: Readonly<Record<string, string>>;
}

export const IMAGE = "ami-0aaaaaaaaaaaaaaaa";
const ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];

class Mocks implements pulumi.runtime.Mocks {
  answers: Answers = {};
  readonly calls: string[] = [];

  newResource({ type, name, inputs }: pulumi.runtime.MockResourceArgs) {
    const own = type.startsWith("redis-cluster-kit:") ? { nodes: [], endpoints: [], drift: [] } : {};
    const state = {
      ...inputs,
      name: inputs.name ?? name,
      allocationId: `${name}-allocation`,
      publicIp: "203.0.113.9",
      stdout: "",
    };
    return { id: `${name}-id`, state: { ...state, ...own } };
  }

  call({ token, inputs }: pulumi.runtime.MockCallArgs) {
    this.calls.push(token);
    const { zones = ZONES, running = [], imageArchitecture = "arm64", subnets = {} } = this.answers;
    const failure = this.answers.failing?.[token];
    if (failure !== undefined) throw refusal(failure);
    switch (token) {
      case "aws:ec2/getInstanceType:getInstanceType":
        return { memorySize: 16_384, supportedArchitectures: ["arm64"] };
      case "aws:index/getAvailabilityZones:getAvailabilityZones":
        return { names: zones };
      case "aws:ec2/getInstances:getInstances":
        return { ids: running.map((_, index) => String(index)) };
      case "aws:ec2/getInstance:getInstance": {
        const server = running[Number(inputs.instanceId)];
        const tags = { "redis-cluster-kit:node": server?.node, "redis-cluster-kit:launch": server?.launch };
        const around = { rootBlockDevices: [], ebsBlockDevices: [], instanceState: "running" };
        return { ...around, ...server, id: `i-${inputs.instanceId}`, tags };
      }
      case "aws:ec2/getAmi:getAmi":
        return {
          id: inputs.filters?.[0]?.name === "image-id" ? inputs.filters[0].values[0] : IMAGE,
          architecture: imageArchitecture,
        };
      case "aws:ec2/getSubnet:getSubnet":
        return subnets[inputs.id] ?? unanswered(`${token} of ${inputs.id}`);
      case "aws:ec2/getRouteTables:getRouteTables":
        return { ids: ["rtb-0123456789abcdef0"] };
      case "aws:ec2/getRouteTable:getRouteTable":
        return { routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: "", natGatewayId: "nat-0123456789abcdef0" }] };
      case "aws:ec2/getNetworkInterfaces:getNetworkInterfaces":
        return { ids: [] };
      default:
        return unanswered(token);
    }
  }
}

/** As gRPC tells it: the SDK reads `details`. */
function refusal(details: string): Error {
  return Object.assign(new Error(details), { details });
}

function unanswered(question: string): never {
  throw refusal(`nobody has said what ${question} answers`);
}

/** Registers what `declare` declares, and returns all of it in order of registration. */
export async function registered(
  answers: Answers,
  declare: () => pulumi.Resource,
): Promise<readonly Registered[]> {
  return (await requestsOf(answers, declare)).map(told);
}

/** The requests themselves, with all that a program can say of a resource. */
export async function requestsOf(
  answers: Answers,
  declare: () => pulumi.Resource,
): Promise<readonly RegisterResourceRequest[]> {
  const mocks = new Mocks();
  mocks.answers = answers;
  await pulumi.runtime.setMocks(mocks, "redis", "prod", false);
  const found: RegisterResourceRequest[] = [];
  watch(found);
  declare();
  // Requests that wait for others' answers are not sent yet when those come in.
  for (let before = -1; before < found.length; ) {
    before = found.length;
    await requestsDone();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return found;
}

type Register = (request: RegisterResourceRequest, ...rest: unknown[]) => unknown;

/** The mock monitor takes requests whole and passes on a part: they are read on their way in. */
function watch(found: RegisterResourceRequest[]): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as { registerResource: Register };
  const original = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, ...rest) => {
    found.push(request);
    return original(request, ...rest);
  };
}

function propertyDependencies(request: RegisterResourceRequest): Record<string, string[]> {
  const entries = request.getPropertydependenciesMap().getEntryList() as [string, unknown][];
  return Object.fromEntries(
    entries.map(([key]) => [
      key,
      request.getPropertydependenciesMap().get(key)?.getUrnsList().map(lastPart) ?? [],
    ]),
  );
}

function told(request: RegisterResourceRequest): Registered {
  return {
    type: request.getType(),
    name: request.getName(),
    inputs: (request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
    parent: lastPart(request.getParent()),
    provider: lastPart(request.getProvider().replace(/::[^:]*$/, "")),
    protect: request.getProtect() === true,
    retainOnDelete: request.getRetainondelete() === true,
    deleteBeforeReplace: request.getDeletebeforereplace(),
    ignoreChanges: request.getIgnorechangesList(),
    dependencies: request.getDependenciesList().map(lastPart),
    propertyDependencies: propertyDependencies(request),
  };
}

/** The SDK has it for its own tests, and does not tell its type. */
async function requestsDone(): Promise<void> {
  const wait: unknown = Reflect.get(pulumi.runtime, "waitForRPCs");
  if (typeof wait !== "function") throw new Error("this version of @pulumi/pulumi has no waitForRPCs");
  await wait();
}

/** Type and name of a URN: `Vpc prod-vpc`. */
export function lastPart(urn: string): string {
  const [, , types = "", ...name] = urn.split("::");
  return urn === "" ? "" : `${types.split("$").at(-1)?.split(":").at(-1)} ${name.join("::")}`;
}
