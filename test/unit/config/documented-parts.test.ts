/**
 * What is documented below `aws:`, `ssh:`, `monitoring:` and `backup:`. The parts come from the schemas, the defaults from the
 * reference's tables: each is once left out and once written, once given another value, once named otherwise.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../config";
import { awsSchema } from "../../../config/aws/schema";
import { backupSchema } from "../../../config/backup";
import { monitoringSchema } from "../../../config/monitoring";
import { partsOf } from "../../../config/parts";
import { sshSchema } from "../../../config/ssh";
import { ROOT } from "../../support/house/sources";
import { CONTEXT, problemsOf } from "./context";

type Stack = Readonly<Record<string, unknown>>;

const REFERENCE = readFileSync(join(ROOT, "docs/configuration.md"), "utf8");
const MAPPINGS = { aws: awsSchema, ssh: sshSchema, monitoring: monitoringSchema, backup: backupSchema };
const HOST_KEY = `ssh-ed25519 ${"A".repeat(68)}`;
const SUBNETS = Object.fromEntries(
  ["a", "b", "c"].map((zone, at) => [zone, { id: `subnet-0${zone.repeat(8)}`, cidr: `10.0.${at}.0/24` }]),
);
const OWN_NETWORK = { ...SUBNETS, a: { ...SUBNETS.a, publicId: "subnet-0dddddddd" } };

/** The least that each needs. Names, because others are addressed as [0]. */
const LEAST: Readonly<Record<keyof typeof MAPPINGS, Stack>> = {
  aws: {
    target: "aws",
    redis: { maxmemory: "8gb" },
    aws: {
      region: "eu-central-1",
      sshPublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ops",
      sshCidrs: ["203.0.113.7/32"],
      clientCidrs: ["10.1.0.0/16"],
    },
  },
  ssh: {
    target: "ssh",
    ssh: {
      servers: [1, 2, 3, 4, 5, 6].map((number) => ({
        name: `redis-${number}`,
        host: `10.0.0.${number}`,
        zone: "abc".charAt(number % 3),
      })),
    },
  },
  monitoring: { monitoring: { enabled: true } },
  backup: { backup: { to: "/backups" } },
};

/** Good values that are no defaults, where a number more or the opposite is none. */
const OTHER: Readonly<Record<string, unknown>> = {
  "aws.region": "eu-west-1",
  "aws.instanceType": "r7g.xlarge",
  "aws.ami": "ami-0123456789abcdef0",
  "aws.vpcCidr": "10.61.0.0/16",
  "aws.vpcId": "vpc-0123456789abcdef0",
  "aws.subnets": OWN_NETWORK,
  "aws.clientSecurityGroups": ["sg-0123456789abcdef0"],
  "aws.clientCidrs": ["10.2.0.0/16"],
  "aws.monitoringSecurityGroups": ["sg-0123456789abcdef0"],
  "aws.access": "direct",
  "aws.sshCidrs": ["203.0.113.8/32"],
  "aws.sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5BBBB ops",
  "aws.hostKeys": { bastion: HOST_KEY },
  "aws.install": "archive",
  "aws.nat": "none",
  "aws.kmsKeyId": "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
  "aws.tags": { team: "shop" },
  "ssh.servers": LEAST.ssh.ssh && [...serversOf(LEAST.ssh)].reverse(),
  "ssh.servers[].name": "another",
  "ssh.servers[].host": "10.0.0.99",
  "ssh.servers[].zone": "d",
  "ssh.servers[].user": "ops",
  "ssh.servers[].port": 2222,
  "ssh.servers[].hostKey": HOST_KEY,
  "ssh.servers[].address": "10.9.0.1",
  "ssh.servers[].announce": "10.9.0.1",
  "ssh.user": "ops",
  "ssh.bastion": { host: "gate.example.com" },
  "ssh.bastion.host": "other.example.com",
  "ssh.bastion.user": "ops",
  "ssh.bastion.port": 2222,
  "ssh.bastion.hostKey": HOST_KEY,
  "ssh.bind": "all",
  "ssh.install": "package",
  "ssh.exporterListen": "loopback",
  "ssh.exporterFrom": ["10.0.0.0/8"],
  "monitoring.enabled": false,
  "monitoring.prometheusPort": 9090,
  "monitoring.runbookUrl": "https://wiki.example.com/redis",
  "monitoring.nodeExporterPort": 9100,
  "monitoring.backupMaxAgeHours": 50,
  "backup.to": "s3://bucket/prefix",
  "backup.schedule": "hourly",
  "backup.retention": "daily=3",
};
/** What a value needs beside it. */
const BESIDE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "aws.vpcId": { "aws.subnets": OWN_NETWORK },
  "aws.subnets": { "aws.vpcId": "vpc-0123456789abcdef0" },
  "aws.install": { redisSource: "/redis.tar.gz" },
  "ssh.bastion.host": { "ssh.bastion": { host: "gate.example.com" } },
  "ssh.bastion.user": { "ssh.bastion": { host: "gate.example.com" } },
  "ssh.bastion.port": { "ssh.bastion": { host: "gate.example.com" } },
  "ssh.bastion.hostKey": { "ssh.bastion": { host: "gate.example.com" } },
};

function serversOf({ ssh }: Stack): unknown[] {
  return (ssh as { servers: unknown[] }).servers;
}

/** A copy of the stack with a value at "ssh.servers[].name", of the first item. */
function put(stack: unknown, path: string, value: unknown): Stack {
  const [step = "", ...rest] = path.replaceAll("[]", ".0").split(".");
  const own = typeof stack === "object" && stack !== null ? Reflect.get(stack, step) : undefined;
  const inner = rest.length === 0 ? value : put(own, rest.join("."), value);
  if (Array.isArray(stack)) return stack.with(Number(step), inner) as unknown as Stack;
  return { ...(stack as Stack), [step]: inner };
}

function without(stack: Stack, path: string): Stack {
  const { [path.split(".")[1] ?? ""]: _gone, ...rest } = stack[path.split(".")[0] ?? ""] as Stack;
  return { ...stack, [path.split(".")[0] ?? ""]: rest };
}

const parse = (stack: Stack) => parseConfig(stack, CONTEXT);

/** Path and default of each row of the table. */
function documented(text: string, mapping: string): Map<string, string> {
  const section = text.split(/^## /m).find((part) => part.startsWith(`Keys below \`${mapping}:\`\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith(`| \`${mapping}.`));
  return new Map(
    rows.map((row) => {
      const [path = "", , initial = ""] = row.slice(2, -2).split(" | ");
      return [path.replaceAll("`", ""), initial.replace(/^`(.*)`$/, "$1")];
    }),
  );
}

/** What the text says otherwise than the schema. */
function differences(text: string, mapping: keyof typeof MAPPINGS): string[] {
  const rows = documented(text, mapping);
  const parts = new Map(partsOf(mapping, MAPPINGS[mapping]).map((part) => [part.path, part]));
  const names = [...new Set([...rows.keys(), ...parts.keys()])];
  return names.filter((path) => {
    const [row, part] = [rows.get(path), parts.get(path)];
    if (row === undefined || part === undefined) return true;
    return part.initial === undefined ? isJson(row) : row !== JSON.stringify(part.initial);
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe.each(Object.keys(MAPPINGS) as (keyof typeof MAPPINGS)[])("%s:", (mapping) => {
  const parts = partsOf(mapping, MAPPINGS[mapping]);
  const rows = documented(REFERENCE, mapping);
  const least = LEAST[mapping];

  test("is documented as it is", () => {
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(differences(REFERENCE, mapping)).toEqual([]);
  });

  test.each(parts)("the documentation is caught with another name of $path, or another default", (part) => {
    const row = REFERENCE.split("\n").find((line) => line.startsWith(`| \`${part.path}\` |`)) ?? "";
    const renamed = REFERENCE.replace(row, row.replace(`\`${part.path}\``, `\`${part.path}Parted\``));
    expect(differences(renamed, mapping).sort()).toEqual([part.path, `${part.path}Parted`]);
    const [path = "", what = "", , ...rest] = row.split(" | ");
    const changed = REFERENCE.replace(row, [path, what, "`12345`", ...rest].join(" | "));
    expect(differences(changed, mapping)).toEqual([part.path]);
  });

  test.each(parts.filter(({ initial }) => initial !== undefined))(
    "leaving $path out is writing its documented default",
    ({ path }) => {
      const written = JSON.parse(rows.get(path) ?? "") as unknown;
      const stack = without(least, path);
      // What may not be empty has the rest of its stack's.
      const outcome = (each: Stack) => {
        try {
          return parse(each);
        } catch {
          return problemsOf(each).map(({ property }) => property);
        }
      };
      expect(outcome(put(stack, path, written))).toEqual(outcome(stack));
    },
  );

  test.each(parts)("another value of $path is another configuration; another name is refused", (part) => {
    const { path, initial } = part;
    const beside = Object.entries(BESIDE[path] ?? {});
    const base = beside.reduce((stack, [key, value]) => put(stack, key, value), least);
    const fallback =
      typeof initial === "number" ? initial + 1 : typeof initial === "boolean" ? !initial : undefined;
    const other = OTHER[path] ?? fallback;
    expect(other, `${path} has no other value in this test`).toBeDefined();
    expect(parse(put(base, path, other))).not.toEqual(
      parse(path in BESIDE && mapping === "aws" ? least : base),
    );
    const misspelt = problemsOf(put(base, `${path}Parted`, other));
    expect(misspelt.map(({ property }) => property).join()).toContain(mapping);
  });
});

test("restore is what a new cluster begins with", () => {
  expect(parse({ restore: "/backups/one" })).toMatchObject({ restore: "/backups/one" });
  expect(parse({})).not.toHaveProperty("restore");
});
