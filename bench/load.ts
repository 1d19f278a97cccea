/**
 * `redis-cluster-kit bench load` on servers of its own: three shards with a replica each, without a password, so that
 * redis-benchmark can be used with every version of Redis.
 * Usage: npm run bench load -- [--seconds 5] [--clients 50] [--pipeline 1] [--line 5.0]
 */
import { parseArgs } from "node:util";
import { runLoad } from "../cli/load/run";
import { loadText } from "../cli/print/load";
import { styleOf } from "../cli/print/style";
import { apply } from "../cluster/engine";
import { startLocalNodes } from "../test/support/local-nodes";
import { type RedisLine, redisBinaries } from "../test/support/redis-binaries";
import { specOf } from "../test/support/specs";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "5" },
      clients: { type: "string", default: "50" },
      pipeline: { type: "string", default: "1" },
      line: { type: "string", default: "5.0" },
    },
  });
  const settings = {
    seconds: Math.min(Number(values.seconds), 60),
    clients: Number(values.clients),
    pipeline: Number(values.pipeline),
  };
  const line = values.line as RedisLine;
  const local = await startLocalNodes({ line, shards: 3, replicas: 1, password: "" });
  try {
    const spec = specOf(local, { name: "3 shards + 3 replicas" });
    const hosts = () => local.host;
    await apply(spec, { hosts });
    const target = { spec, hosts, kind: "local" as const, tools: () => redisBinaries(line) };
    const primaries = spec.nodes.filter(({ member }) => member === 0);
    const signal = new AbortController().signal;
    const report = await runLoad(target, { settings, primaries, signal, say: console.error });
    console.log(loadText(report, styleOf(process.stdout, process.env)));
  } finally {
    await local.end();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
