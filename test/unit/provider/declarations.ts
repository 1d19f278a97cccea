/** A declaration as the component makes it. */

import { declare } from "../../../components/declaration";
import { parseConfig } from "../../../config";
import type { Declaration } from "../../../provider/declaration";

export const PASSWORD = "unit-test-password";

export function declaration(config: Record<string, unknown> = {}, password = PASSWORD): Declaration {
  const context = { project: "project", stack: "stack", dataRoot: "/data" };
  return declare(parseConfig(config, context), password);
}
