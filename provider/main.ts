/** The provider plugin's process: serves, says its port on stdout as Pulumi's plugin protocol asks, and ends with its engine. */
import { version } from "../package.json";
import { EngineLog } from "./engine-log";
import { localMonitoringOperations } from "./monitoring";
import { MAX_MESSAGE_BYTES, serve } from "./server";
import { topologyOperations } from "./topology";
import { handoverOperations, rejoinOperations } from "./turn";
import { HANDOVER_TYPE, LOCAL_MONITORING_TYPE, REJOIN_TYPE, TOPOLOGY_TYPE } from "./types";
import { watchParent } from "./watchdog";

/** Loaded only when asked for: a plain `up` never is. */
const loadSchema = () => require("./schema") as typeof import("./schema");

async function main(args: readonly string[]): Promise<void> {
  // Flags for logging and tracing may come first; the engine's address is last. None when a debugger starts the plugin.
  const last = args.at(-1);
  let engine = last?.startsWith("-") === false ? last : undefined;
  const log = new EngineLog(engine);
  const components = once(() => {
    const { ComponentConstructor } = require("./construct") as typeof import("./construct");
    return new ComponentConstructor({ engine: () => engine, maxMessageBytes: MAX_MESSAGE_BYTES });
  });
  const run = new AbortController();
  const context = { log, signal: run.signal, shown: new Map<string, string[]>() };
  const served = await serve({
    version,
    resources: {
      [TOPOLOGY_TYPE]: topologyOperations(context),
      [HANDOVER_TYPE]: handoverOperations(context),
      [REJOIN_TYPE]: rejoinOperations(context),
      [LOCAL_MONITORING_TYPE]: localMonitoringOperations(context),
    },
    schema: () => JSON.stringify(loadSchema().packageSchema(version)),
    redact: (text) => log.redact(text),
    flush: () => log.flush(),
    onCancel: () => run.abort(new Error("cancelled; running `up` again continues")),
    onAttach: (address) => {
      engine = address;
      log.attach(address);
    },
    construct: (request) => components().construct(request),
  });
  watchParent({ isBusy: served.isBusy, abort: (reason) => run.abort(reason) });
  process.stdout.write(`${served.port}\n`);
}

/** Loaded only for stacks in other languages. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
