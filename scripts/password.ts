import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Report } from "../install/progress";
import { askPulumi, PROJECT, refusal } from "./pulumi";
import { isRecord } from "./stack";

const STACK_TYPE = "pulumi:pulumi:Stack";

const stateSchema = z.looseObject({
  deployment: z.looseObject({
    resources: z
      .array(
        z.looseObject({ type: z.string(), inputs: z.unknown().optional(), outputs: z.unknown().optional() }),
      )
      .nullish(),
    pending_operations: z
      .array(z.looseObject({ resource: z.looseObject({ type: z.string(), inputs: z.unknown().optional() }) }))
      .nullish(),
  }),
});

/** A `password` among properties as `pulumi stack export --show-secrets` writes them: in clear, JSON within JSON. */
function passwordOf(properties: unknown): string | undefined {
  const value = isRecord(properties) ? properties.password : undefined;
  if (typeof value === "string") return value;
  if (!isRecord(value) || typeof value.plaintext !== "string") return undefined;
  const parsed: unknown = JSON.parse(value.plaintext);
  return typeof parsed === "string" ? parsed : undefined;
}

/**
 * The password that a stack's cluster has, from its state: the stack's output, else what one of our resources was created
 * with (a first `up` that was killed has no outputs yet).
 */
export function passwordInState(exported: unknown): string | undefined {
  const { resources, pending_operations: pending } = stateSchema.parse(exported).deployment;
  const all = resources ?? [];
  const outputs = all.filter(({ type }) => type === STACK_TYPE).map((resource) => resource.outputs);
  const isOurs = ({ type }: { type: string }) => type.startsWith(`${PROJECT}:`);
  const inputs = [...all, ...(pending ?? []).map(({ resource }) => resource)]
    .filter(isOurs)
    .map((found) => found.inputs);
  return [...outputs, ...inputs].map(passwordOf).find((password) => password !== undefined);
}

/**
 * Gives the stack's config a password if it has none: the one its cluster has already (another checkout brought it up), else
 * a random one. It travels over stdin: arguments can be seen in process lists.
 */
export function ensurePassword(
  stack: string,
  config: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  report: Report,
): void {
  if (config.password !== undefined) return;
  const exported = askPulumi(["stack", "export", "--show-secrets", "--stack", stack], env);
  if (exported.code !== 0) throw refusal(`The state of stack ${stack} cannot be read`, exported);
  const existing = passwordInState(JSON.parse(exported.stdout));
  // Hexadecimal: 192 bits that need no quoting anywhere and are never taken for an option.
  const password = existing ?? randomBytes(24).toString("hex");
  const said = askPulumi(["config", "set", "--secret", "password", "--stack", stack], env, password);
  if (said.code !== 0) throw refusal(`The password of stack ${stack} cannot be stored`, said);
  report(
    existing === undefined
      ? `Password: generated, kept as a secret in Pulumi.${stack}.yaml`
      : `Password: the running stack's, kept as a secret in Pulumi.${stack}.yaml`,
  );
}
