/** Values of a stack file are text ("4", "a,b,c", JSON) or structured; here they become what the schema expects. */
import type { FieldKind } from "./field-meta";

/**
 * The value in the field's own kind where the text says it unmistakably; otherwise the value as it was, for the schema
 * to refuse.
 */
export function coerce(value: unknown, kind: FieldKind): unknown {
  if (value === null) return undefined;
  switch (kind) {
    case "text":
      return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
    case "integer":
      return typeof value === "string" && /^\s*-?\d{1,15}\s*$/.test(value) ? Number(value) : value;
    case "flag":
      return value === "true" ? true : value === "false" ? false : value;
    case "impact":
      return isNumeral(value) ? Number(value) : value;
    case "texts":
      return coerceList(value)?.map((item) => (typeof item === "number" ? String(item) : item)) ?? value;
    case "numbers":
      return coerceList(value)?.map((item) => (isNumeral(item) ? Number(item) : item)) ?? value;
    case "record":
      return coerceRecord(value);
    default:
      return unknownKind(kind);
  }
}

/** The items of a list, of JSON text, or of text with commas. Undefined where there is no list in it. */
function coerceList(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return undefined;
  const parsed = parseJson(value);
  return Array.isArray(parsed) ? parsed : value.split(",").map((piece) => piece.trim());
}

function isNumeral(value: unknown): boolean {
  return typeof value === "string" && /^\d{1,15}(\.\d{1,15})?$/.test(value);
}

function coerceRecord(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return parseJson(value) ?? value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unknownKind(kind: never): never {
  throw new Error(`unknown kind of field: ${String(kind)}`);
}
