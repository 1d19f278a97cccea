/**
 * Pulumi's resource provider protocol over gRPC. @pulumi/pulumi's own server (provider/server.js) knows no previews and no
 * detailed diffs, prints stacks, and loads the whole SDK; this one needs the SDK's generated messages only.
 */
import type { ServerUnaryCall, ServiceError, sendUnaryData, UntypedHandleCall } from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PartialError, type ResourceOperations, type Subject, UnchangedError } from "./operations";
import { type ChangeKind, fromStruct, toStruct } from "./wire";

export interface ProviderOptions {
  readonly version: string;
  /** By type token. */
  readonly resources: Readonly<Record<string, ResourceOperations>>;
  /** JSON text. */
  readonly schema: () => string;
  /** Removes secrets from a text that leaves the process. */
  readonly redact: (text: string) => string;
  /** Resolves when messages written during an operation are delivered: what comes after its answer may not be shown. */
  readonly flush: () => Promise<void>;
  readonly onCancel: () => void;
  readonly onAttach: (address: string) => void;
  /** Makes a component for a program in another language. Its gRPC errors are passed on. */
  readonly construct?: (request: pb.ConstructRequest) => Promise<pb.ConstructResponse>;
}

/** A served provider. `isBusy`: an operation is in flight. */
export interface Served {
  readonly port: number;
  isBusy(): boolean;
  /** Ends it at once, calls in flight included. */
  stop(): void;
}

/** gRPC messages are as long as the state of a stack; the default of 4 MB ends at some hundred nodes. */
export const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/** Serves on a free port of the loopback interface. Rejects when that cannot be had. */
export async function serve(options: ProviderOptions): Promise<Served> {
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  let inFlight = 0;
  const unary = <Q, A>(work: (request: Q) => Promise<A> | A): UntypedHandleCall => {
    return (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>) => {
      inFlight += 1;
      Promise.resolve(call.request)
        .then(work)
        .finally(options.flush)
        .then(
          (answer) => callback(null, answer),
          (error: unknown) => callback(toServiceError(error, options.redact)),
        )
        .finally(() => {
          inFlight -= 1;
        });
    };
  };
  const find = finder(options.resources);
  server.addService(ResourceProviderService, {
    ...metaHandlers(options, unary),
    ...lookingHandlers(find, unary),
    ...changingHandlers(find, unary),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, isBusy: () => inFlight > 0, stop: () => server.forceShutdown() };
}

type Unary = <Q, A>(work: (request: Q) => Promise<A> | A) => UntypedHandleCall;

/** Everything that is about the plugin itself. */
function metaHandlers(options: ProviderOptions, unary: Unary): Record<string, UntypedHandleCall> {
  return {
    handshake: unary(() =>
      new pb.ProviderHandshakeResponse()
        .setAcceptSecrets(true)
        .setAcceptResources(true)
        .setAcceptOutputs(true),
    ),
    // Resources and outputs reach components only: no input of ours is a resource.
    configure: unary(() =>
      new pb.ConfigureResponse()
        .setAcceptsecrets(true)
        .setAcceptresources(true)
        .setAcceptoutputs(true)
        .setSupportspreview(true),
    ),
    checkConfig: unary((request: pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
    diffConfig: unary(() => new pb.DiffResponse().setChanges(pb.DiffResponse.DiffChanges.DIFF_NONE)),
    getPluginInfo: unary(() => new PluginInfo().setVersion(options.version)),
    getSchema: unary(() => new pb.GetSchemaResponse().setSchema(options.schema())),
    cancel: unary(() => {
      options.onCancel();
      return new Empty();
    }),
    attach: unary((request: PluginAttach) => {
      options.onAttach(request.getAddress());
      return new Empty();
    }),
    construct: unary((request: pb.ConstructRequest) => {
      if (options.construct === undefined)
        throw new UnchangedError(`this provider has no component of type ${request.getType()}`);
      return options.construct(request);
    }),
    getMapping: unary(() => new pb.GetMappingResponse()),
    getMappings: unary(() => new pb.GetMappingsResponse()),
  };
}

type Find = (urn: string) => ResourceOperations;

/** The operations of the resource that the URN's type names. */
function finder(resources: ProviderOptions["resources"]): Find {
  return (urn) => {
    const type = typeOf(urn);
    const operations = resources[type];
    if (operations === undefined) throw new UnchangedError(`this provider has no resource of type ${type}`);
    return operations;
  };
}

/** Check, diff and read: they change nothing. */
function lookingHandlers(find: Find, unary: Unary): Record<string, UntypedHandleCall> {
  return {
    check: unary(async (request: pb.CheckRequest) => {
      const failures = await find(request.getUrn()).check(subjectOf(request), fromStruct(request.getNews()));
      return new pb.CheckResponse()
        .setInputs(request.getNews())
        .setFailuresList(
          failures.map(({ property, reason }) =>
            new pb.CheckFailure().setProperty(property).setReason(reason),
          ),
        );
    }),
    diff: unary(async (request: pb.DiffRequest) => {
      const answer = await find(request.getUrn()).diff({
        ...subjectOf(request),
        oldInputs: fromStruct(request.getOldInputs()),
        oldOutputs: fromStruct(request.getOlds()),
        newInputs: fromStruct(request.getNews()),
      });
      return toDiffResponse(answer);
    }),
    read: unary(async (request: pb.ReadRequest) => {
      const outputs = await find(request.getUrn()).read({
        ...subjectOf(request),
        id: request.getId(),
        inputs: fromStruct(request.getInputs()),
        outputs: fromStruct(request.getProperties()),
      });
      return new pb.ReadResponse()
        .setId(request.getId())
        .setProperties(toStruct(outputs))
        .setInputs(request.getInputs());
    }),
  };
}

function changingHandlers(find: Find, unary: Unary): Record<string, UntypedHandleCall> {
  return {
    create: unary(async (request: pb.CreateRequest) => {
      const created = await find(request.getUrn()).create({
        ...subjectOf(request),
        inputs: fromStruct(request.getProperties()),
        preview: request.getPreview(),
      });
      return new pb.CreateResponse().setId(created.id).setProperties(toStruct(created.outputs));
    }),
    update: unary(async (request: pb.UpdateRequest) => {
      const outputs = await find(request.getUrn()).update({
        ...subjectOf(request),
        id: request.getId(),
        oldInputs: fromStruct(request.getOldInputs()),
        oldOutputs: fromStruct(request.getOlds()),
        newInputs: fromStruct(request.getNews()),
        preview: request.getPreview(),
      });
      return new pb.UpdateResponse().setProperties(toStruct(outputs));
    }),
    delete: unary(async (request: pb.DeleteRequest) => {
      await find(request.getUrn()).delete({
        ...subjectOf(request),
        inputs: fromStruct(request.getOldInputs()),
        outputs: fromStruct(request.getProperties()),
      });
      return new Empty();
    }),
  };
}

/** urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME, https://www.pulumi.com/docs/iac/concepts/resources/names/#urns */
function subjectOf(request: { getUrn(): string }): Subject {
  const urn = request.getUrn();
  return { urn, name: urn.split("::").slice(3).join("::") };
}

function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

const CHANGE_KINDS = {
  add: pb.PropertyDiff.Kind.ADD,
  delete: pb.PropertyDiff.Kind.DELETE,
  update: pb.PropertyDiff.Kind.UPDATE,
} as const satisfies Record<ChangeKind, pb.PropertyDiff.Kind>;

function toDiffResponse(answer: Awaited<ReturnType<ResourceOperations["diff"]>>): pb.DiffResponse {
  const { DIFF_SOME, DIFF_NONE } = pb.DiffResponse.DiffChanges;
  const response = new pb.DiffResponse().setChanges(answer.hasChanges ? DIFF_SOME : DIFF_NONE);
  if (!answer.hasChanges) return response;
  for (const { path, kind } of answer.changes) {
    response.getDetaileddiffMap().set(path, new pb.PropertyDiff().setKind(CHANGE_KINDS[kind]));
    response.addDiffs(path.split(/[.[]/, 1)[0] ?? path);
  }
  return response.setHasdetaileddiff(answer.changes.length > 0);
}

/** What another server answered. */
function serviceErrorOf(error: unknown): ServiceError | undefined {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error
    ? (error as ServiceError)
    : undefined;
}

/**
 * Pulumi reads three kinds of errors: a partial failure (details in the trailer `grpc-status-details-bin`) is kept in the
 * state; UNKNOWN and INTERNAL mean that the state is in doubt; any other code that nothing was changed.
 */
function toServiceError(error: unknown, redact: (text: string) => string) {
  const forwarded = serviceErrorOf(error);
  if (forwarded !== undefined) {
    const details = redact(forwarded.details);
    return { code: forwarded.code, details, message: details, metadata: forwarded.metadata };
  }
  const text = redact(error instanceof Error ? error.message : String(error));
  const metadata = new Metadata();
  if (error instanceof PartialError) {
    const failed = new pb.ErrorResourceInitFailed()
      .setId(error.id)
      .setProperties(toStruct(error.outputs))
      .setReasonsList([text]);
    const detail = new Any();
    detail.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const rich = new Status().setCode(status.UNKNOWN).setMessage(text).setDetailsList([detail]);
    metadata.add("grpc-status-details-bin", Buffer.from(rich.serializeBinary()));
  }
  const code = error instanceof UnchangedError ? status.FAILED_PRECONDITION : status.UNKNOWN;
  return { code, details: text, message: text, metadata };
}
