/** The `aws` key of a stack; what is below it has a schema of its own (schema.ts). */
import { z } from "zod";
import { fieldMeta } from "../field-meta";

export const aws = z
  .record(z.string(), z.unknown())
  .optional()
  .describe("Target `aws`: network, servers and who may reach them. Its keys are in docs/configuration.md.")
  .register(fieldMeta, {
    kind: "record",
    expected: "the keys of the target aws by name, e.g. {region: eu-central-1}",
    cure: "pulumi config set --path aws.region eu-central-1, or a mapping under aws: in the stack file",
    change: "see the single keys",
    computedDefault: "none",
  });
