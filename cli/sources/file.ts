/** `--declaration FILE`: what the component writes as its secret output `declaration`. */
import { readFile } from "node:fs/promises";
import { errorText } from "../../hosts/local/files";
import { type Declaration, declarationSchema } from "../../provider/declaration";
import type { Sourced } from "../declaration";
import { UsageError } from "../errors";

const CURE =
  "It is made by: pulumi stack output declaration --show-secrets > FILE (and is a secret: chmod 600).";

export async function fromFile(file: string): Promise<Sourced> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`--declaration ${file}: ${errorText(error)}\n${CURE}`);
  });
  const declaration = parseDeclaration(text);
  if (typeof declaration === "string")
    throw new UsageError(`--declaration ${file} is no declaration: ${declaration}\n${CURE}`);
  return { declaration, origin: `file ${file}`, isIntent: true, upCommand: "pulumi up" };
}

/** The declaration in a text, or why it is none. Never repeats values: there are secrets among them. */
export function parseDeclaration(text: string): Declaration | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "it is not JSON";
  }
  // `pulumi stack output --json` of a text gives JSON in JSON.
  if (typeof json === "string") return parseDeclaration(json);
  const parsed = declarationSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return issue ? `${issue.path.join(".") || "the whole"}: ${issue.message}` : "it is of another shape";
}
