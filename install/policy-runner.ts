/** What starts policy packs for an engine that was built here: Pulumi's release has it beside its language host for Node. */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** As the engine looks for it. */
const NAME = "pulumi-analyzer-policy";

/** The engine starts it in the pack's folder, whose @pulumi/pulumi has the real runner. */
const SCRIPT = `#!/bin/sh
runner=$(node -p "require.resolve('@pulumi/pulumi/cmd/run-policy-pack')") || exit 1
exec node "$runner" "$@"
`;

/** Puts it beside the engine where it is not there. Whole or not at all: two runs may do it at the same time. */
export function addPolicyRunner(folder: string): void {
  const target = join(folder, NAME);
  if (existsSync(target)) return;
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, SCRIPT, { mode: 0o755 });
  renameSync(draft, target);
}
