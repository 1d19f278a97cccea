/**
 * Rules over resources as plain data, so that a test can ask them without an engine. They look at types by their tokens and
 * need no @pulumi/aws. They hold for every resource of a stack, the kit's own or not; what is known by the kit's tags says so.
 */
import type { ReportViolation, ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import { bag, INSTANCE, INTERFACE, list, NODE_TAG, openPort, SUBNET, VOLUME } from "./resources";
import { STACK_POLICIES } from "./stack-rules";

/** Redis, its bus, the exporter, ssh. */
const PORTS = [6379, 16_379, 9121, 22];

const noOpenPort: ResourceValidationPolicy = {
  name: "no-open-redis-port",
  description:
    "Redis, its bus, the exporter and ssh are open to named sources only, never to the whole internet.",
  enforcementLevel: "mandatory",
  validateResource: (resource: ResourceValidationArgs, report: ReportViolation) => {
    const open = openPort(resource, PORTS);
    if (open !== undefined) report(open);
  },
};

const imdsv2: ResourceValidationPolicy = {
  name: "imdsv2-only",
  description: "Servers answer for their metadata (and the role's credentials in it) to IMDSv2 only.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type === INSTANCE && bag(props.metadataOptions).httpTokens !== "required")
      report('metadataOptions.httpTokens must be "required"');
  },
};

const encrypted: ResourceValidationPolicy = {
  name: "encrypted-volumes",
  description: "Every volume is encrypted: data, roots, and what a server brings along.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type === VOLUME && props.encrypted !== true) report("the volume must be encrypted");
    if (type !== INSTANCE) return;
    if (bag(props.rootBlockDevice).encrypted !== true) report("rootBlockDevice must be encrypted");
    for (const device of list(props.ebsBlockDevices))
      if (bag(device).encrypted !== true)
        report(`ebsBlockDevices: ${String(bag(device).deviceName)} must be encrypted`);
  },
};

const noPublicAddress: ResourceValidationPolicy = {
  name: "no-public-address",
  description: "No server of a node has a public address, and no subnet gives one out by itself.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type === SUBNET && props.mapPublicIpOnLaunch === true)
      report("mapPublicIpOnLaunch must be false: whatever starts here would be on the internet");
    const isNode = bag(props.tags)[NODE_TAG] !== undefined;
    if (type === INSTANCE && isNode && props.associatePublicIpAddress === true)
      report("the server of a node must have no public address");
    if (type !== INTERFACE || !isNode) return;
    if (list(props.privateIps).length !== 1)
      report("the interface of a node has one private address, which is its own");
    if (list(props.ipv6Addresses).length > 0 || Number(props.ipv6AddressCount ?? 0) > 0)
      report("the interface of a node has no IPv6 address: those are public");
  },
};

export const RESOURCE_POLICIES: readonly ResourceValidationPolicy[] = [
  noOpenPort,
  imdsv2,
  encrypted,
  noPublicAddress,
];
export { STACK_POLICIES };
export const POLICIES = [...RESOURCE_POLICIES, ...STACK_POLICIES];
