/**
 * Pulumi's property values on the wire <-> plain data. Nobody else touches protobuf Structs, secret wrappers or unknowns.
 * The three magic strings are Pulumi's: sdk/proto/go/..., https://www.pulumi.com/docs/iac/packages-and-automation/provider-protocol.
 */
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };
export type PlainObject = { [key: string]: Plain };

/** Stands for a value that will only be known when the preview is carried out. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Pulumi numbers of changes of one property, as in `PropertyDiff.Kind`. */
export type ChangeKind = "add" | "delete" | "update";

export interface PropertyChange {
  /** Pulumi property path, e.g. `directives.maxmemory` or `nodes[2].port`. */
  readonly path: string;
  readonly kind: ChangeKind;
}

/** Secrets and unknowns are still in it. `undefined` (no such message field) reads as empty. */
export function fromStruct(struct: Struct | undefined): PlainObject {
  return struct === undefined ? {} : (struct.toJavaScript() as PlainObject);
}

/** Fields that are `undefined` are left out: protobuf has no word for them. */
export function toStruct(value: object): Struct {
  return Struct.fromJavaScript(withoutUndefined(value) as Record<string, JavaScriptValue>);
}

/** Marks a value so that the engine encrypts it in its state and masks it in its output. */
export function secret(value: unknown): { [key: string]: unknown } {
  return { [SIGNATURE]: SECRET, value };
}

function isSecret(value: Plain): value is { value: Plain } & PlainObject {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

function isObject(value: unknown): value is { [key: string]: Plain } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same data with every secret in the open. For checking and for the engine, never to be sent back. */
export function unwrap(value: Plain): Plain {
  if (isSecret(value)) return unwrap(value.value ?? null);
  if (Array.isArray(value)) return value.map(unwrap);
  if (isObject(value)) return mapValues(value, unwrap);
  return value;
}

/** Top-level and nested properties that a preview does not know yet, as paths. */
export function unknownPaths(value: Plain, path = ""): string[] {
  if (value === UNKNOWN) return [path];
  if (isSecret(value)) return unknownPaths(value.value ?? null, path);
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownPaths(item, `${path}[${index}]`));
  if (isObject(value))
    return Object.entries(value).flatMap(([key, item]) => unknownPaths(item, joinPath(path, key)));
  return [];
}

/** What differs between two property bags, as paths. A secret is one value: which part of it differs is not told. */
export function changedPaths(before: Plain, after: Plain, path = ""): PropertyChange[] {
  if (isSecret(before) || isSecret(after)) {
    const same = JSON.stringify(unwrap(before)) === JSON.stringify(unwrap(after));
    return same ? [] : [{ path, kind: "update" }];
  }
  const [old, now] = [childrenOf(before, path), childrenOf(after, path)];
  if (old === undefined || now === undefined || Array.isArray(before) !== Array.isArray(after))
    return before === after ? [] : [{ path, kind: "update" }];
  const changes: PropertyChange[] = [];
  for (const [child, value] of old) {
    const current = now.get(child);
    if (current === undefined) changes.push({ path: child, kind: "delete" });
    else changes.push(...changedPaths(value, current, child));
  }
  for (const child of now.keys()) if (!old.has(child)) changes.push({ path: child, kind: "add" });
  return changes;
}

/** Children by full path; `undefined` for a scalar. */
function childrenOf(value: Plain, path: string): Map<string, Plain> | undefined {
  if (Array.isArray(value)) return new Map(value.map((item, index) => [`${path}[${index}]`, item]));
  if (isObject(value))
    return new Map(Object.entries(value).map(([key, item]) => [joinPath(path, key), item]));
  return undefined;
}

/** Pulumi's own notation: https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/resource#ParsePropertyPath */
export function joinPath(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function mapValues(value: PlainObject, change: (item: Plain) => Plain): PlainObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, withoutUndefined(item)]),
  );
}
