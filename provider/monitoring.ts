/** `LocalMonitoring`: exporters and Prometheus beside a local cluster. They hold no data: what differs is started anew. */
import { z } from "zod";
import { type Companion, type Companions, createCompanions } from "../hosts/local";
import { ensureExporter, ensurePrometheus, findExporter, findPrometheus } from "../install/monitoring";
import { localProcesses, type MonitoringPrograms } from "../templates/monitoring/local";
import { nodeSchema } from "./declaration";
import { alertSettings, monitoringSchema, scrapeSettings } from "./monitoring-declaration";
import type { CheckFailure, DiffAnswer, DiffRequest, ResourceOperations, Subject } from "./operations";
import { UnchangedError } from "./operations";
import { isPurge } from "./remove";
import type { TopologyContext } from "./run";
import { changedPaths, type PlainObject, unknownPaths, unwrap } from "./wire";

export const localMonitoringSchema = z.strictObject({
  name: z.string().min(1),
  dataDirectory: z.string().min(1),
  host: z.string().min(1),
  nodes: z.array(nodeSchema).min(1),
  monitoring: monitoringSchema,
  /** Secret. */
  password: z.string().min(1),
});

type Inputs = z.output<typeof localMonitoringSchema>;

export function localMonitoringOperations(context: TopologyContext): ResourceOperations {
  return {
    check: async (_subject, inputs) => check(inputs),
    diff: (request) => diff(context, request),
    create: async ({ inputs, preview, ...subject }) => {
      const known = knownInputs(inputs);
      if (preview || known === undefined) return { id: "", outputs: known ? outputsOf(known) : {} };
      return { id: known.name, outputs: await bringAbout(context, subject, known) };
    },
    update: async ({ newInputs, preview, ...subject }) => {
      const known = knownInputs(newInputs);
      if (preview || known === undefined) return known ? outputsOf(known) : {};
      return bringAbout(context, subject, known);
    },
    // What runs is looked at by every diff; a state of it would be old at once.
    read: async ({ outputs }) => outputs,
    delete: async (request) => {
      const known = knownInputs(request.inputs);
      if (known === undefined)
        throw new UnchangedError(
          `the state of ${request.name} cannot be read, so its exporters cannot be stopped`,
        );
      await createCompanions(known.dataDirectory).end({ purge: isPurge({}) });
      context.log.write("info", request.urn, "exporters stopped");
    },
  };
}

function check(inputs: PlainObject): CheckFailure[] {
  if (unknownPaths(inputs).length > 0) return [];
  const { error } = localMonitoringSchema.safeParse(unwrap(inputs));
  return (error?.issues ?? []).map(({ path, message }) => ({ property: path.join("."), reason: message }));
}

/** `undefined` where a preview does not know all of them, or a state is of another version. */
function knownInputs(inputs: PlainObject): Inputs | undefined {
  return unknownPaths(inputs).length > 0 ? undefined : localMonitoringSchema.safeParse(unwrap(inputs)).data;
}

/** A process that is gone or not as declared is a change even where no input changed. */
async function diff(context: TopologyContext, request: DiffRequest): Promise<DiffAnswer> {
  const changes = changedPaths(request.oldInputs, request.newInputs);
  const known = knownInputs(request.newInputs);
  if (changes.length > 0 || known === undefined) return { hasChanges: changes.length > 0, changes };
  context.log.hide([known.password]);
  const wrong = await wrongProcesses(createCompanions(known.dataDirectory), known);
  if (wrong.length === 0) return { hasChanges: false, changes };
  context.log.write("info", request.urn, `would start: ${wrong.join(", ")}`);
  return { hasChanges: true, changes: [{ path: "targets", kind: "update" }] };
}

async function wrongProcesses(companions: Companions, inputs: Inputs): Promise<string[]> {
  const exporter = findExporter();
  if (exporter === undefined) return ["exporters"];
  const states = await companions.inspect(processesOf(inputs, { exporter, prometheus: findPrometheus() }));
  return [...states].filter(([, state]) => state !== "as declared").map(([name]) => name);
}

async function bringAbout(
  context: TopologyContext,
  { urn }: Pick<Subject, "urn">,
  inputs: Inputs,
): Promise<object> {
  context.log.hide([inputs.password]);
  const report = (line: string) => context.log.status(urn, line);
  const exporter = await ensureExporter(report);
  const wantsPrometheus = inputs.monitoring.prometheusPort !== undefined;
  const prometheus = wantsPrometheus ? await ensurePrometheus(report) : undefined;
  const declared = processesOf(inputs, { exporter, prometheus });
  const changed = await createCompanions(inputs.dataDirectory).ensure(declared);
  const { targets, prometheus: url } = outputsOf(inputs);
  const where = url === "" ? "" : `; Prometheus: ${url}`;
  context.log.write(
    "info",
    urn,
    `${targets.length} exporters run (${changed.length} processes started)${where}`,
  );
  return outputsOf(inputs);
}

function processesOf(inputs: Inputs, programs: MonitoringPrograms): Companion[] {
  const { host, monitoring, password } = inputs;
  const { prometheusPort } = monitoring;
  const settings = { ...scrapeSettings(inputs), host, prometheusPort, alerts: alertSettings(monitoring) };
  return localProcesses(settings, programs, password);
}

function outputsOf(inputs: Inputs): { targets: string[]; prometheus: string } {
  const { prometheusPort } = inputs.monitoring;
  return {
    targets: scrapeSettings(inputs).nodes.map(({ host, exporterPort }) => `${host}:${exporterPort}`),
    prometheus: prometheusPort === undefined ? "" : `http://${inputs.host}:${prometheusPort}`,
  };
}
