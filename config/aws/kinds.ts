/** How the keys under `aws:` are written down: the kinds that come up more than once. */
import { z } from "zod";
import { type FieldMeta, fieldMeta } from "../field-meta";
import { parseBlock } from "./cidr";

export const BLOCK =
  "an IPv4 block such as 10.60.0.0/16, without bits to the right of its prefix or zeros before a number";

export const cidr = z.string().refine((text) => parseBlock(text) !== undefined);
export const groupId = z.string().regex(/^sg-[0-9a-f]{8,17}$/);

export function set(key: string, example: string): string {
  return `pulumi config set --path aws.${key} ${example}`;
}

export function flag(key: string, description: string, change: string, initial = false) {
  return z
    .boolean()
    .default(initial)
    .describe(description)
    .register(fieldMeta, {
      kind: "flag",
      expected: "true or false",
      cure: set(key, String(initial)),
      change,
    });
}

export function list<Item extends z.ZodType>(item: Item, description: string, meta: Omit<FieldMeta, "kind">) {
  return z
    .array(item)
    .default([])
    .describe(description)
    .register(fieldMeta, { kind: "texts", ...meta });
}

export function gib(key: string, minimum: number, initial: number, what: string, change: string) {
  return z
    .int()
    .min(minimum)
    .max(16_384)
    .default(initial)
    .describe(`${what}, in GiB (gp3, encrypted).`)
    .register(fieldMeta, {
      kind: "integer",
      expected: `a whole number from ${minimum} to 16384`,
      cure: set(key, String(initial)),
      change: `${change}; a smaller one is refused: AWS cannot shrink a volume`,
    });
}
