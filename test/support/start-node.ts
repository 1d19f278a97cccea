/**
 * A run of its own that starts one node and ends: for tests of two runs at once and of nodes that outlive theirs.
 * What to do comes as JSON on stdin, because it contains the password. Prints a line when it begins,
 * and what the host reports.
 */
import { text } from "node:stream/consumers";
import type { HostNode } from "../../hosts/host";
import { createLocalHost, type ResolvedServer } from "../../hosts/local";

export interface StartRequest {
  readonly dataDirectory: string;
  readonly node: HostNode;
  readonly redisConf: string;
  readonly binaries: ResolvedServer;
}

async function main(): Promise<void> {
  const request = JSON.parse(await text(process.stdin)) as StartRequest;
  const host = createLocalHost({
    clusterName: "test",
    dataDirectory: request.dataDirectory,
    files: () => ({ redisConf: request.redisConf }),
    resolveServer: async () => request.binaries,
    report: (line) => console.log(line),
  });
  console.log("starting");
  await host.start(request.node);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
