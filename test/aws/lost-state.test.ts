/** A state that was lost, on the real engine with the kit's own plugin: servers that run and that the stack does not know. */
import { join } from "node:path";
import * as sdk from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchOf } from "../../components/aws/guard";
import { parseConfig } from "../../config";
import { ROOT } from "../program/support/stack";
import type { Moto } from "../support/moto";
import { prod } from "./support/prod";
import { AwsStack, NEWEST_IMAGE, startAws } from "./support/stack";

const RECORDER = join(__dirname, "support/plugins/recorder");

let stack: AwsStack;
let ec2: sdk.EC2Client;

beforeAll(async () => {
  const moto = await startAws();
  ec2 = client(moto);
  const plugins = { command: RECORDER, "redis-cluster-kit": join(ROOT, "bin") };
  stack = await AwsStack.create({}, { moto, plugins });
});
afterAll(async () => {
  ec2?.destroy();
  await stack?.end();
});

function client({ url: endpoint }: Moto): sdk.EC2Client {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return new sdk.EC2Client({ endpoint, region: "eu-central-1", credentials });
}

/** The first node's server as an earlier `up` made it: same address, same tags, in a network of its own. */
async function oldServer(cluster: string): Promise<void> {
  const { Vpc } = await ec2.send(new sdk.CreateVpcCommand({ CidrBlock: "10.60.0.0/16" }));
  const place = { CidrBlock: "10.60.0.0/20", AvailabilityZone: "eu-central-1a" };
  const { Subnet } = await ec2.send(new sdk.CreateSubnetCommand({ VpcId: Vpc?.VpcId, ...place }));
  const config = parseConfig(prod(), { project: "p", stack: "prod", dataRoot: "/d" });
  if (config.target !== "aws") throw new Error("prod is not on aws");
  const tags = {
    "redis-cluster-kit:cluster": cluster,
    "redis-cluster-kit:node": "shard-1-a",
    "redis-cluster-kit:role": "node",
    "redis-cluster-kit:launch": launchOf(config.aws),
  };
  await ec2.send(
    new sdk.RunInstancesCommand({
      MinCount: 1,
      MaxCount: 1,
      ImageId: NEWEST_IMAGE,
      InstanceType: "r7g.large",
      NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: Subnet?.SubnetId, PrivateIpAddress: "10.60.0.10" }],
      TagSpecifications: [
        {
          ResourceType: "instance",
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        },
      ],
    }),
  );
}

test("another cluster's servers are nobody's business", async () => {
  await oldServer("somebody-else");
  const { code, output } = await stack.pulumi("preview");
  expect(code, output).toBe(0);
});

test("a server of this cluster that the state does not know is refused, with what to do", async () => {
  await oldServer("redis-cluster-kit-prod");
  const { code, output } = await stack.pulumi("preview");
  expect(code).not.toBe(0);
  expect(output).toMatch(/shard-1-a of [^\n]* is there in this account and region[\s\S]*pulumi stack import/);
  await stack.must("config", "set", "name", "another");
  const other = await stack.pulumi("preview");
  expect(other.code, other.output).toBe(0);
});
