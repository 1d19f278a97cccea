/** Inputs as they come from a program: are they a declaration? No side effects. */
import { contradictions, type Declaration, declarationSchema } from "./declaration";
import type { CheckFailure } from "./operations";
import { joinPath, type PlainObject, unknownPaths, unwrap } from "./wire";

/** Wrong shapes and contradictions, at the property they are in. What a preview does not know yet is not judged. */
export function checkInputs(inputs: PlainObject): CheckFailure[] {
  const unknown = unknownPaths(inputs);
  const parsed = declarationSchema.safeParse(unwrap(inputs));
  if (parsed.success) return unknown.length > 0 ? [] : contradictions(parsed.data);
  return parsed.error.issues
    .map((issue) => ({ property: toPropertyPath(issue.path), reason: issue.message }))
    .filter(({ property }) => !unknown.some((path) => isWithin(path, property) || isWithin(property, path)));
}

/** Checked inputs as a declaration; `undefined` where a preview does not know all of them yet. */
export function knownDeclaration(inputs: PlainObject): Declaration | undefined {
  return unknownPaths(inputs).length > 0 ? undefined : declarationSchema.parse(unwrap(inputs));
}

function toPropertyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (joined, part) => (typeof part === "number" ? `${joined}[${part}]` : joinPath(joined, String(part))),
    "",
  );
}

/** Whether one path leads to the other or to a part of it: "nodes[1]" is within "nodes", "nodesize" is not. */
function isWithin(path: string, outer: string): boolean {
  return path === outer || (path.startsWith(outer) && /^[.[]/.test(path.slice(outer.length)));
}
