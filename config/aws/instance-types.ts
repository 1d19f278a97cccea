/**
 * Instance types that suit Redis, for the check against maxmemory and for the estimate of costs. On-demand prices of Linux
 * in USD an hour, rounded, as published by AWS; they change, differ by contract, and are an estimate only.
 */

export const PRICES_AS_OF = "2025-06";

export type Architecture = "x86_64" | "arm64";

export interface InstanceType {
  readonly memoryGib: number;
  readonly vcpus: number;
  readonly architecture: Architecture;
  /** USD an hour in us-east-1. */
  readonly usdPerHour: number;
}

const arm = (memoryGib: number, vcpus: number, usdPerHour: number): InstanceType => ({
  memoryGib,
  vcpus,
  usdPerHour,
  architecture: "arm64",
});
const x86 = (memoryGib: number, vcpus: number, usdPerHour: number): InstanceType => ({
  memoryGib,
  vcpus,
  usdPerHour,
  architecture: "x86_64",
});

export const INSTANCE_TYPES: Readonly<Record<string, InstanceType>> = {
  "t4g.nano": arm(0.5, 2, 0.0042),
  "t4g.micro": arm(1, 2, 0.0084),
  "t4g.small": arm(2, 2, 0.0168),
  "t4g.medium": arm(4, 2, 0.0336),
  "t3.micro": x86(1, 2, 0.0104),
  "t3.small": x86(2, 2, 0.0208),
  "t3.medium": x86(4, 2, 0.0416),
  "m6g.large": arm(8, 2, 0.077),
  "m7g.large": arm(8, 2, 0.0816),
  "m7g.xlarge": arm(16, 4, 0.1632),
  "m6i.large": x86(8, 2, 0.096),
  "m7i.large": x86(8, 2, 0.1008),
  "r6g.large": arm(16, 2, 0.1008),
  "r6g.xlarge": arm(32, 4, 0.2016),
  "r7g.medium": arm(8, 1, 0.0536),
  "r7g.large": arm(16, 2, 0.1071),
  "r7g.xlarge": arm(32, 4, 0.2142),
  "r7g.2xlarge": arm(64, 8, 0.4284),
  "r7g.4xlarge": arm(128, 16, 0.8568),
  "r6i.large": x86(16, 2, 0.126),
  "r6i.xlarge": x86(32, 4, 0.252),
  "r7i.large": x86(16, 2, 0.1323),
  "r7i.xlarge": x86(32, 4, 0.2646),
  "r7i.2xlarge": x86(64, 8, 0.5292),
};

/** What a region costs against us-east-1, roughly; others count as `OTHER_REGION`. */
const REGION_FACTOR: Readonly<Record<string, number>> = {
  "us-east-1": 1,
  "us-east-2": 1,
  "us-west-2": 1,
  "us-west-1": 1.17,
  "ca-central-1": 1.1,
  "eu-west-1": 1.12,
  "eu-west-2": 1.17,
  "eu-west-3": 1.18,
  "eu-central-1": 1.2,
  "eu-north-1": 1.07,
  "ap-south-1": 1.02,
  "ap-northeast-1": 1.2,
  "ap-southeast-1": 1.2,
  "ap-southeast-2": 1.2,
  "sa-east-1": 1.59,
};
const OTHER_REGION = 1.25;

/** Prices of us-east-1 for what is not an instance. */
export const OTHER_PRICES = {
  gp3UsdPerGibMonth: 0.08,
  natUsdPerHour: 0.045,
  publicAddressUsdPerHour: 0.005,
  detailedMonitoringUsdPerMonth: 2.1,
} as const;

export function regionFactor(region: string): number {
  return REGION_FACTOR[region] ?? OTHER_REGION;
}

/**
 * From the name alone, for types that the table does not have: the letters after the generation's number tell the processor, and `g`
 * is Graviton (https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html).
 */
export function architectureOf(instanceType: string): Architecture {
  const known = INSTANCE_TYPES[instanceType];
  if (known !== undefined) return known.architecture;
  const options = /^[a-z]+\d+([a-z-]*)\./.exec(instanceType)?.[1] ?? "";
  return options.includes("g") || instanceType.startsWith("a1.") ? "arm64" : "x86_64";
}
