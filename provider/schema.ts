/** The package as Pulumi's schema, so that YAML and Python stacks can use it: https://www.pulumi.com/docs/iac/using-pulumi/extending-pulumi/schema */
import { PACKAGE } from "./types";

export function packageSchema(version: string): object {
  return { name: PACKAGE, version, resources: {} };
}
