/** Rules over the resources of a stack together: what belongs to which node, role and cluster. */
import type {
  PolicyResource,
  ReportViolation,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import {
  ADDRESS,
  ASSOCIATION,
  bag,
  CLUSTER_TAG,
  INSTANCE,
  INTERFACE,
  list,
  NODE_TAG,
  openPort,
  ROLE,
  ROLE_POLICY,
  TOPOLOGY,
  tagOf,
  textOf,
  VOLUME,
} from "./resources";

/** Stacks that hold what must not be lost. */
const PRODUCTION = /(^|[-_.])(prod|production)([-_.]|$)/;

const noOpenExporter: StackValidationPolicy = {
  name: "no-open-exporter-port",
  description:
    "The exporters of a cluster are open to named sources only, on whatever port they are declared.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }: StackValidationArgs, report: ReportViolation) => {
    const ports = resources
      .filter(({ type }) => type === TOPOLOGY)
      .flatMap(({ props }) => Object.values(bag(bag(props.monitoring).exporters)).map(Number))
      // The usual one is no-open-redis-port's.
      .filter((port) => port !== 9121);
    for (const resource of resources) {
      const open = openAsFarAsKnown(resource, ports);
      if (open !== undefined) report(open, resource.urn);
    }
  },
};

/** What one resource opens is not known in a preview yet: the others are judged all the same. */
function openAsFarAsKnown(resource: PolicyResource, ports: readonly number[]): string | undefined {
  try {
    return openPort(resource, ports);
  } catch {
    return undefined;
  }
}

const noElasticAddress: StackValidationPolicy = {
  name: "no-elastic-address",
  description: "No elastic address is given to the server of a node or to its interface.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, report) => {
    const owned = resources.filter(
      ({ type, props }) => [INSTANCE, INTERFACE].includes(type) && tagOf(props, NODE_TAG) !== "",
    );
    for (const address of resources.filter(({ type }) => type === ADDRESS || type === ASSOCIATION))
      for (const key of ["instance", "instanceId", "networkInterface", "networkInterfaceId"]) {
        const node = owned.find((each) => refersTo(address, key, each));
        if (node !== undefined)
          report(`${node.name} is a node's: it must have no public address`, address.urn);
      }
  },
};

/** By dependency, since a preview knows no ids of what is new; by id, where that is written down. */
function refersTo(resource: PolicyResource, key: string, other: PolicyResource): boolean {
  const given = textOf(resource.props, key);
  const byId = given !== "" && given === textOf(other.props, "id");
  return byId || (resource.propertyDependencies[key] ?? []).some(({ urn }) => urn === other.urn);
}

const threeZones: StackValidationPolicy = {
  name: "three-zones",
  description: "The nodes of a cluster are spread over three zones, so that losing one leaves a majority.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, report) => {
    const volumes = resources.filter(({ type, props }) => type === VOLUME && tagOf(props, NODE_TAG) !== "");
    for (const [cluster, own] of grouped(volumes, ({ props }) => tagOf(props, CLUSTER_TAG)))
      judgeZones(cluster, own, (text) => report(text, own[0]?.urn));
  },
};

function judgeZones(
  cluster: string,
  volumes: readonly PolicyResource[],
  report: (text: string) => void,
): void {
  const zoneOf = ({ props }: PolicyResource) => textOf(props, "availabilityZone");
  const zones = new Set(volumes.map(zoneOf));
  if (zones.size < 3)
    report(
      `the ${volumes.length} nodes of cluster ${cluster} are in ${[...zones].join(" and ")}: declare three zones`,
    );
  const primaries = volumes.filter(({ props }) => /-a$/.test(tagOf(props, NODE_TAG)));
  const all = primaries.length;
  for (const [zone, { length: count }] of grouped(primaries, zoneOf))
    if (all >= 3 && all - count < Math.floor(all / 2) + 1)
      report(
        `${zone} holds ${count} of ${all} primaries of cluster ${cluster}: without it there is no majority`,
      );
}

function grouped(
  resources: readonly PolicyResource[],
  keyOf: (resource: PolicyResource) => string,
): Map<string, PolicyResource[]> {
  const groups = new Map<string, PolicyResource[]>();
  for (const each of resources) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each]);
  return groups;
}

const backupsInProduction: StackValidationPolicy = {
  name: "backups-in-production",
  description:
    "A cluster in AWS in a production stack has somewhere to put its backups, and its servers may.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, report) => {
    const clusters = resources.filter(({ type, urn }) => type === TOPOLOGY && PRODUCTION.test(stackOf(urn)));
    for (const { props, urn } of clusters) {
      if (props.target !== "aws") continue;
      const name = textOf(props, "name");
      const roles = resources.filter((each) => each.type === ROLE && tagOf(each.props, CLUSTER_TAG) === name);
      const mayWrite = resources.some(
        (each) => writesBackups(each) && roles.some((role) => isPolicyOf(each, role)),
      );
      if (!mayWrite)
        report(
          `the servers of the production cluster ${name} may write no backups: pulumi config set --path backup.to s3://BUCKET/PREFIX`,
          urn,
        );
    }
  },
};

/** urn:pulumi:STACK::... */
function stackOf(urn: string): string {
  return urn.split(":")[2] ?? "";
}

function isPolicyOf(policy: PolicyResource, role: PolicyResource): boolean {
  const given = textOf(policy.props, "role");
  const byName = given !== "" && given === textOf(role.props, "name");
  return byName || refersTo(policy, "role", role);
}

/** A statement that denies it mentions the permission as well. */
function writesBackups({ type, props }: PolicyResource): boolean {
  if (type !== ROLE_POLICY) return false;
  const { Statement } = bag(parsed(textOf(props, "policy")));
  return [Statement].flat().some((each) => {
    const { Effect, Action } = bag(each);
    const actions = Array.isArray(Action) ? list(Action) : [Action];
    return (
      Effect === "Allow" && actions.some((action) => ["s3:PutObject", "s3:*", "*"].includes(String(action)))
    );
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export const STACK_POLICIES: readonly StackValidationPolicy[] = [
  noOpenExporter,
  noElasticAddress,
  threeZones,
  backupsInProduction,
];
