import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { afterEach, describe, expect, test } from "vitest";
import { PartialError, type ResourceOperations, UnchangedError } from "../../../provider/operations";
import { type ProviderOptions, serve } from "../../../provider/server";
import { fromStruct, toStruct } from "../../../provider/wire";

const TYPE = "kit:index:Thing";
const URN = `urn:pulumi:dev::project::kit:index:Parent$${TYPE}::a::b`;

const operations: ResourceOperations = {
  check: async (_subject, inputs) => (inputs.size === 0 ? [{ property: "size", reason: "too small" }] : []),
  diff: async ({ newInputs }) => ({
    hasChanges: newInputs.size !== 1,
    changes: [{ path: "nodes[2].port", kind: "update" }],
  }),
  create: async ({ inputs, name }) => {
    if (inputs.fail === "before") throw new UnchangedError("refused\ncure: another one, password hunter2");
    if (inputs.fail === "half") throw new PartialError("step 3 failed", "id-1", { done: 2 });
    if (inputs.fail === "bug") throw new TypeError("x is undefined");
    return { id: `id of ${name}`, outputs: { ...inputs, extra: true, absent: undefined } };
  },
  update: async ({ preview }) => ({ preview }),
  read: async ({ outputs }) => ({ ...outputs, drift: ["one"] }),
  delete: async () => undefined,
};

let stop: (() => void) | undefined;
afterEach(() => stop?.());

async function start(options: Partial<ProviderOptions> = {}) {
  const served = await serve({
    version: "1.2.3",
    resources: { [TYPE]: operations },
    schema: () => "{}",
    redact: (text) => text.replaceAll("hunter2", "[secret]"),
    flush: async () => undefined,
    onCancel: () => undefined,
    onAttach: () => undefined,
    ...options,
  });
  const client = new ResourceProviderClient(`127.0.0.1:${served.port}`, credentials.createInsecure());
  stop = () => {
    client.close();
    served.stop();
  };
  return { client, served };
}

/** A call as a promise. */
function ask<A>(send: (callback: (error: ServiceError | null, answer: A) => void) => void): Promise<A> {
  return new Promise((resolve, reject) => {
    send((error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}

const creation = (inputs: object) => new pb.CreateRequest().setUrn(URN).setProperties(toStruct(inputs));

describe("the provider protocol", () => {
  test("secrets are accepted and previews supported, by handshake and by configure", async () => {
    const { client } = await start();
    const shake = await ask<pb.ProviderHandshakeResponse>((done) =>
      client.handshake(new pb.ProviderHandshakeRequest(), done),
    );
    expect(shake.getAcceptSecrets()).toBe(true);
    const configured = await ask<pb.ConfigureResponse>((done) =>
      client.configure(new pb.ConfigureRequest(), done),
    );
    expect(configured.getAcceptsecrets()).toBe(true);
    expect(configured.getSupportspreview()).toBe(true);
  });

  test("check returns the inputs and what is wrong with them", async () => {
    const { client } = await start();
    const request = new pb.CheckRequest().setUrn(URN).setNews(toStruct({ size: 0 }));
    const answer = await ask<pb.CheckResponse>((done) => client.check(request, done));
    expect(fromStruct(answer.getInputs())).toEqual({ size: 0 });
    expect(answer.getFailuresList().map((failure) => failure.toObject())).toEqual([
      { property: "size", reason: "too small" },
    ]);
  });

  test("diff tells changes in detail, and nothing where there are none", async () => {
    const { client } = await start();
    const diff = (size: number) =>
      ask<pb.DiffResponse>((done) =>
        client.diff(new pb.DiffRequest().setUrn(URN).setNews(toStruct({ size })), done),
      );
    const some = await diff(2);
    expect(some.getChanges()).toBe(pb.DiffResponse.DiffChanges.DIFF_SOME);
    expect(some.getHasdetaileddiff()).toBe(true);
    expect(some.getDetaileddiffMap().get("nodes[2].port")?.getKind()).toBe(pb.PropertyDiff.Kind.UPDATE);
    expect(some.getReplacesList()).toEqual([]);
    const none = await diff(1);
    expect(none.getChanges()).toBe(pb.DiffResponse.DiffChanges.DIFF_NONE);
    expect(none.getHasdetaileddiff()).toBe(false);
  });

  test("create gets the name from the URN and drops fields that are undefined", async () => {
    const { client } = await start();
    const answer = await ask<pb.CreateResponse>((done) => client.create(creation({ size: 1 }), done));
    expect(answer.getId()).toBe("id of a::b");
    expect(fromStruct(answer.getProperties())).toEqual({ size: 1, extra: true });
  });

  test("update knows a preview, read keeps id and inputs, delete answers", async () => {
    const { client } = await start();
    const update = new pb.UpdateRequest().setUrn(URN).setId("x").setPreview(true);
    const updated = await ask<pb.UpdateResponse>((done) => client.update(update, done));
    expect(fromStruct(updated.getProperties())).toEqual({ preview: true });
    const reading = new pb.ReadRequest()
      .setUrn(URN)
      .setId("x")
      .setInputs(toStruct({ a: 1 }))
      .setProperties(toStruct({ b: 2 }));
    const answer = await ask<pb.ReadResponse>((done) => client.read(reading, done));
    expect([answer.getId(), fromStruct(answer.getInputs()), fromStruct(answer.getProperties())]).toEqual([
      "x",
      { a: 1 },
      { b: 2, drift: ["one"] },
    ]);
    await ask<Empty>((done) => client.delete(new pb.DeleteRequest().setUrn(URN), done));
  });
});

describe("failures", () => {
  test("before anything changed: a code that says so, the text without secrets", async () => {
    const { client } = await start();
    const failing = ask((done) => client.create(creation({ fail: "before" }), done));
    await expect(failing).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: "refused\ncure: another one, password [secret]",
    });
  });

  test("half-way: what is there goes into the state", async () => {
    const { client } = await start();
    const failing = ask((done) => client.create(creation({ fail: "half" }), done));
    const error: ServiceError = await failing.then(
      () => Promise.reject(new Error("it did not fail")),
      (reason: ServiceError) => reason,
    );
    const [bytes] = error.metadata.get("grpc-status-details-bin");
    const [detail] = Status.deserializeBinary(Buffer.from(bytes ?? "")).getDetailsList();
    const failed = detail?.unpack(
      pb.ErrorResourceInitFailed.deserializeBinary,
      "pulumirpc.ErrorResourceInitFailed",
    );
    expect(failed?.getId()).toBe("id-1");
    expect(failed?.getReasonsList()).toEqual(["step 3 failed"]);
    expect(fromStruct(failed?.getProperties())).toEqual({ done: 2 });
  });

  test("a mistake of ours: a code that leaves the state in doubt, and no stack", async () => {
    const { client } = await start();
    const failing = ask((done) => client.create(creation({ fail: "bug" }), done));
    await expect(failing).rejects.toMatchObject({ code: status.UNKNOWN, details: "x is undefined" });
  });

  test("a resource that this provider does not have", async () => {
    const { client } = await start();
    const request = new pb.CheckRequest().setUrn("urn:pulumi:s::p::kit:index:Other::n");
    await expect(ask((done) => client.check(request, done))).rejects.toMatchObject({
      details: "this provider has no resource of type kit:index:Other",
    });
  });
});

test("messages of an operation are delivered before its answer", async () => {
  const order: string[] = [];
  const flush = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push("flushed");
  };
  const { client } = await start({ flush });
  await ask((done) => client.create(creation({ size: 1 }), done));
  order.push("answered");
  expect(order).toEqual(["flushed", "answered"]);
});

test("cancel and attach reach the process, and an operation in flight is told", async () => {
  const events: string[] = [];
  let release: () => void = () => undefined;
  const slow: ResourceOperations = {
    ...operations,
    delete: () =>
      new Promise((resolve) => {
        release = resolve;
      }),
  };
  const { client, served } = await start({
    resources: { [TYPE]: slow },
    onCancel: () => {
      events.push("cancel");
      release();
    },
    onAttach: (address) => events.push(address),
  });
  expect(served.isBusy()).toBe(false);
  const deleting = ask<Empty>((done) => client.delete(new pb.DeleteRequest().setUrn(URN), done));
  await expect.poll(() => served.isBusy()).toBe(true);
  await ask<Empty>((done) => client.cancel(new Empty(), done));
  await deleting;
  expect(events).toEqual(["cancel"]);
  await expect.poll(() => served.isBusy()).toBe(false);
});
