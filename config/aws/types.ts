/** What the `aws:` keys say, once read and found good. */
import type { Architecture } from "./instance-types";

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

/**
 * As declared, with defaults, and what follows from it; the keys are described in schema.ts. Written out instead of derived from the
 * schema: zod's types would become part of the package's own.
 */
export interface AwsSettings {
  readonly region: string;
  readonly instanceType: string;
  readonly architecture: Architecture;
  readonly ami?: string | undefined;
  readonly vpcCidr: string;
  readonly vpcId?: string | undefined;
  readonly addressOffset: number;
  readonly clientSecurityGroups: readonly string[];
  readonly clientCidrs: readonly string[];
  readonly monitoringSecurityGroups: readonly string[];
  readonly access: "bastion" | "direct";
  readonly sshCidrs: readonly string[];
  readonly sshPublicKey: string;
  /** "ssh-ed25519 AAAA..." by node name, and "bastion". Others are learned at the first contact. */
  readonly hostKeys: Readonly<Record<string, string>>;
  readonly install: "source" | "archive";
  readonly nat: "one" | "per-zone" | "none";
  readonly dataVolumeGib: number;
  readonly rootVolumeGib: number;
  readonly kmsKeyId?: string | undefined;
  readonly detailedMonitoring: boolean;
  readonly spreadPlacement: boolean;
  readonly sessionManager: boolean;
  readonly allowOneZone: boolean;
  readonly allowDestroy: boolean;
  readonly exposeToTheWholeInternet: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** One a zone, in the order of the zones. */
  readonly subnets: readonly AwsSubnet[];
}
