/** Mappings with parts of their own (`ssh:`, `monitoring:`, `backup:`), described part by part from the schema that checks them. */
import { z } from "zod";
import type { PartMeta } from "./field-meta";

/** One part, its parts below it: "ssh.servers[].host". */
export interface Part {
  /** As `pulumi config set --path` has it, with [] for each item of a list. */
  readonly path: string;
  /** The last name of the path. */
  readonly name: string;
  /** Undefined where it has none. */
  readonly initial: unknown;
  readonly isRequired: boolean;
}

/** What people are told about a part. */
export interface DescribedPart extends Pick<Part, "path"> {
  readonly what: string;
  /** As text, in Markdown. */
  readonly initial: string;
  readonly expected: string;
}

/** In the schema's order, each followed by what is below it. */
export function partsOf(path: string, schema: z.ZodObject): Part[] {
  return Object.entries(schema.shape).flatMap(([name, part]: [string, unknown]) => {
    if (!(part instanceof z.ZodType)) throw new Error(`${path}.${name} is no schema`);
    const own = `${path}.${name}`;
    const empty = part.safeParse(undefined);
    const mapping = mappingIn(part, own);
    return [
      { path: own, name, initial: empty.data, isRequired: !empty.success },
      ...(mapping === undefined ? [] : partsOf(mapping.path, mapping.schema)),
    ];
  });
}

/** The mapping that a part is, or is a list of. */
function mappingIn(part: unknown, path: string): { path: string; schema: z.ZodObject } | undefined {
  if (part instanceof z.ZodObject) return { path, schema: part };
  if (part instanceof z.ZodOptional || part instanceof z.ZodDefault) return mappingIn(part.unwrap(), path);
  if (part instanceof z.ZodArray) return mappingIn(part.element, `${path}[]`);
  return undefined;
}

/** @throws where the schema has a part that `metas` does not know. */
export function describeParts(
  path: string,
  schema: z.ZodObject,
  metas: Readonly<Record<string, PartMeta>>,
): DescribedPart[] {
  const parts = partsOf(path, schema);
  const general = new Map(parts.map((part) => [part.path, part.initial]));
  return parts.map((part) => {
    const meta = metas[part.name];
    if (meta === undefined) throw new Error(`nothing is said about ${part.path}`);
    const above = `${path}.${part.name}`;
    const isInherited = above !== part.path && general.get(above) !== undefined;
    const inherited = isInherited ? `that of \`${above}\`` : undefined;
    const initial = shown(part, inherited ?? meta.computedDefault);
    return { path: part.path, what: meta.what, initial, expected: meta.expected };
  });
}

function shown({ initial, isRequired, path }: Part, computed: string | undefined): string {
  if (initial !== undefined) return `\`${JSON.stringify(initial)}\``;
  if (isRequired) return "none: it must be declared";
  if (computed === undefined) throw new Error(`nothing is said about the default of ${path}`);
  return computed;
}
