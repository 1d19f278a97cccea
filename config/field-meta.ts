/** What the schema says about a field beyond its type. */
import { z } from "zod";

/** How a value arrives when it was written as text (`pulumi config set` writes text only). */
export type FieldKind = "text" | "integer" | "texts" | "numbers" | "record" | "flag" | "impact";

/** What the schema says about a field beyond its type; errors and the reference are written from it. */
export interface FieldMeta {
  readonly kind: FieldKind;
  /** What a good value is, as it stands after "expected:". */
  readonly expected: string;
  /** What to do about a bad one. */
  readonly cure: string;
  /** What changing the field does to a running cluster. */
  readonly change: string;
  /** Default where it depends on other things, as text. */
  readonly computedDefault?: string;
  /** Never printed. */
  readonly secret?: boolean;
  /** The first bad part of a mapping without secrets, with what was expected there; undefined where there is none. */
  readonly badPart?: (value: unknown) => BadPart | undefined;
}

/** What the reference says about a part of a mapping, and errors after "expected:". */
export interface PartMeta {
  readonly what: string;
  readonly expected: string;
  /** Default where it depends on other things, as text. */
  readonly computedDefault?: string;
}

export interface BadPart {
  /** Below the field, e.g. "servers[1].host". */
  readonly path: string;
  readonly expected: string;
  readonly found: unknown;
}

export const fieldMeta = z.registry<FieldMeta>();
