/**
 * @pulumi/aws, loaded only where servers in AWS are declared: it is big (84 MB, 0.9 s), and stacks of the other targets do
 * not install it (an optional peer dependency, so that a program has one copy, its own).
 */
import type * as ebs from "@pulumi/aws/ebs";
import type * as ec2 from "@pulumi/aws/ec2";
import type { getAvailabilityZones } from "@pulumi/aws/getAvailabilityZones";
import type * as iam from "@pulumi/aws/iam";
import type { Provider } from "@pulumi/aws/provider";
import type * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";

export interface AwsSdk {
  readonly ec2: typeof ec2;
  readonly ebs: typeof ebs;
  readonly iam: typeof iam;
  readonly vpc: typeof vpc;
  readonly getAvailabilityZones: typeof getAvailabilityZones;
  readonly Provider: typeof Provider;
}

let loaded: AwsSdk | undefined;

/** @throws RunError with the command that installs it. */
export function loadAws(): AwsSdk {
  loaded ??= load();
  return loaded;
}

function load(): AwsSdk {
  try {
    return {
      ec2: require("@pulumi/aws/ec2") as typeof ec2,
      ebs: require("@pulumi/aws/ebs") as typeof ebs,
      iam: require("@pulumi/aws/iam") as typeof iam,
      vpc: require("@pulumi/aws/vpc") as typeof vpc,
      ...(require("@pulumi/aws/getAvailabilityZones") as Pick<AwsSdk, "getAvailabilityZones">),
      ...(require("@pulumi/aws/provider") as Pick<AwsSdk, "Provider">),
    };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error;
    const problem = new pulumi.RunError(
      "The target aws needs the package @pulumi/aws, which is not installed. Install it: npm install @pulumi/aws@^7.6",
    );
    problem.stack = problem.message;
    throw problem;
  }
}
