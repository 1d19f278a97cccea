/** The SDK's clients and what every kind of resource is made of. */
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  EC2Client,
  type ResourceType,
  type TagSpecification,
} from "@aws-sdk/client-ec2";

export type Bag = Record<string, unknown>;

export interface Kind {
  create(inputs: Bag, name: string): Promise<{ id: string } & Bag>;
  delete(id: string, state: Bag): Promise<unknown>;
  /** Inputs whose change replaces, as in the real provider's schema (ForceNew); "block.part" for a part of a block. */
  readonly forceNew: readonly string[];
  /** Other inputs that can change, and how. Tags can everywhere. */
  readonly inPlace?: Readonly<Record<string, (id: string, inputs: Bag, before: Bag) => Promise<unknown>>>;
  /** For refresh. Default: it is. */
  isThere?(id: string, state: Bag): Promise<boolean>;
  /** For refresh: inputs that AWS may tell otherwise than they were asked for. */
  asTold?(id: string): Promise<Bag>;
}

/** By which Debian's images have their root volume. */
export const ROOT_DEVICE = "/dev/xvda";

/** Address, region and credentials come from the environment. */
export const ec2 = new EC2Client({});

export function text(bag: Bag, key: string): string {
  const value = bag[key];
  if (typeof value !== "string") throw new Error(`${key} is ${JSON.stringify(value)}, expected text`);
  return value;
}

export function optional(bag: Bag, key: string): string | undefined {
  return bag[key] === undefined ? undefined : text(bag, key);
}

export function part(bag: Bag, key: string): Bag {
  return (bag[key] ?? {}) as Bag;
}

export function tagList(tags: unknown): { Key: string; Value: string }[] {
  return Object.entries((tags ?? {}) as Record<string, string>)
    .filter(([key]) => !key.startsWith("__"))
    .map(([Key, Value]) => ({ Key, Value }));
}

export function tagged(type: ResourceType, inputs: Bag): { TagSpecifications: TagSpecification[] } {
  return { TagSpecifications: [{ ResourceType: type, Tags: tagList(inputs.tags) }] };
}

export async function setTags(id: string, inputs: Bag, before: Bag): Promise<void> {
  const gone = goneTags(inputs, before).map((Key) => ({ Key }));
  if (gone.length > 0) await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: gone }));
  await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: tagList(inputs.tags) }));
}

/** Keys that are declared no more. */
export function goneTags(inputs: Bag, before: Bag): string[] {
  const kept = new Set(tagList(inputs.tags).map(({ Key }) => Key));
  return tagList(before.tags).flatMap(({ Key }) => (kept.has(Key) ? [] : [Key]));
}

export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`AWS answered without ${what}`);
  return value;
}
