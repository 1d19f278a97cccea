/** Changes that go through the nodes one by one, from the declaration that is live to the one that is wanted. */
import type { ClusterSpec } from "../../../cluster/spec";

function withDirectives(spec: ClusterSpec, directives: Readonly<Record<string, string>>): ClusterSpec {
  return { ...spec, nodes: spec.nodes.map((node) => ({ ...node, directives })) };
}

export const ROLLING_CHANGES: Readonly<Record<string, (spec: ClusterSpec) => ClusterSpec>> = {
  "a directive that can be set live": (spec) => withDirectives(spec, { hz: "20" }),
  "a directive that needs a restart": (spec) => withDirectives(spec, { "tcp-backlog": "1024" }),
  "the next release": (spec) => ({ ...spec, version: spec.version.startsWith("5") ? "6.2.14" : "7.0.15" }),
  "two releases on": (spec) => ({ ...spec, version: "7.0.15" }),
  "another password": (spec) => ({ ...spec, password: "new-secret", previousPasswords: [spec.password] }),
  "another node timeout": (spec) => ({ ...spec, nodeTimeoutMs: 3000 }),
};
