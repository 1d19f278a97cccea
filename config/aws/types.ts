/** What the `aws:` keys say, once read and found good. */
import type { Architecture } from "./instance-types";
import type { AwsValues } from "./schema";

export interface AwsSubnet {
  /** Full name of the zone, e.g. "eu-central-1a". */
  readonly zone: string;
  readonly cidr: string;
  /** The lowest address of `cidr`, as a number. */
  readonly base: number;
  /** An existing subnet; absent where the kit creates it. */
  readonly id?: string;
  /** Where a bastion and a NAT gateway go. A new network has one a zone. */
  readonly publicCidr?: string;
  readonly publicId?: string;
}

/** As declared, with defaults, and what follows from it. */
export interface AwsSettings extends Omit<AwsValues, "subnets" | "region" | "sshPublicKey"> {
  readonly region: string;
  readonly sshPublicKey: string;
  readonly architecture: Architecture;
  /** One a zone, in the order of the zones. */
  readonly subnets: readonly AwsSubnet[];
}
