/** Instance types that the kit's table does not have: AWS is asked what they are. */
import type * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config";
import { type KnownMachine, memoryProblems, memoryWarnings } from "../../config/aws/checks";
import { INSTANCE_TYPES } from "../../config/aws/instance-types";
import { ask } from "./ask";
import { problem } from "./refused";
import { loadAws } from "./sdk";

export interface Machine {
  readonly memoryGib: number;
  /** What AWS calls them: "arm64", "x86_64", "i386". */
  readonly architectures: readonly string[];
}

/** `undefined` where the table knows it, so that the configuration has checked it already. */
export async function askMachine(
  instanceType: string,
  options: pulumi.InvokeOptions,
): Promise<Machine | undefined> {
  if (INSTANCE_TYPES[instanceType] !== undefined) return undefined;
  const question = {
    what: `aws.instanceType: ${instanceType}`,
    action: "ec2:DescribeInstanceTypes",
    missing: {
      expected: "an instance type of this region",
      cure: "pulumi config set --path aws.instanceType r7g.large, or look others up: aws ec2 describe-instance-type-offerings",
    },
  };
  const found = await ask(question, () => loadAws().ec2.getInstanceType({ instanceType }, options));
  return { memoryGib: found.memorySize / 1024, architectures: found.supportedArchitectures };
}

/** `maxmemory` in bytes; 0: none is declared. */
export function machineProblems(settings: AwsSettings, machine: Machine, maxmemory: number): string[] {
  const { instanceType, architecture } = settings;
  const isAsNamed = machine.architectures.includes(architecture);
  return [
    ...(isAsNamed
      ? []
      : [
          problem(
            `aws.instanceType: ${instanceType} is for ${machine.architectures.join(", ")}`,
            `a type for ${architecture}, which its name is taken for`,
            "name a type of the kit's table (config/aws/instance-types.ts), e.g. r7g.large or r7i.large",
          ),
        ]),
    ...memoryProblems(knownAs(settings, machine), maxmemory).map(({ property, value, expected, cure }) =>
      problem(`${property}: ${value}`, expected, cure),
    ),
  ];
}

export function machineWarnings(settings: AwsSettings, machine: Machine, maxmemory: number): string[] {
  return memoryWarnings(knownAs(settings, machine), maxmemory);
}

function knownAs({ instanceType, architecture }: AwsSettings, { memoryGib }: Machine): KnownMachine {
  return { instanceType, architecture, memoryGib };
}
