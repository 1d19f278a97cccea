/**
 * A run of the engine in a process of its own, to be killed while it works. What to do comes as JSON on stdin, because
 * it contains the password. Every line on stdout is one JSON object: `began`, each step, `done`; errors go to stderr.
 */
import { text } from "node:stream/consumers";
import { apply } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import type { ClusterSpec } from "../../cluster/spec";
import { createLocalHost, type ResolvedServer } from "../../hosts/local";

export interface ApplyRequest {
  readonly spec: ClusterSpec;
  readonly dataDirectory: string;
  /** redis.conf by node name. */
  readonly files: Readonly<Record<string, string>>;
  readonly binaries: ResolvedServer;
}

export type ApplyEvent =
  | { readonly event: "began" }
  | {
      readonly event: "step";
      readonly kind: string;
      readonly text: string;
      readonly state: "started" | "done";
    }
  | { readonly event: "done"; readonly steps: number; readonly elapsedMs: number };

function tell(event: ApplyEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

async function main(): Promise<void> {
  const request = JSON.parse(await text(process.stdin)) as ApplyRequest;
  const host = createLocalHost({
    clusterName: "test",
    dataDirectory: request.dataDirectory,
    files: (name) => {
      const redisConf = request.files[name];
      return redisConf === undefined ? undefined : { redisConf };
    },
    resolveServer: async () => request.binaries,
  });
  tell({ event: "began" });
  const { steps, elapsedMs } = await apply(request.spec, {
    hosts: () => host,
    progress: (event) => {
      if (event.kind !== "step") return;
      const { step, state } = event;
      tell({ event: "step", kind: step.kind, text: describeStep(step), state });
    },
  });
  tell({ event: "done", steps: steps.length, elapsedMs });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
