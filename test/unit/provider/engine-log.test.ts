import { Server, ServerCredentials } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { type LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EngineLog } from "../../../provider/engine-log";

describe("messages to the engine", () => {
  let server: Server;
  let address: string;
  let received: LogRequest.AsObject[];
  /** How long the engine takes for a message, in ms. */
  let slowness: number;

  beforeEach(async () => {
    received = [];
    slowness = 0;
    server = new Server();
    server.addService(EngineService, {
      log: (call: { request: LogRequest }, callback: (error: null, answer: Empty) => void) => {
        setTimeout(() => {
          received.push(call.request.toObject());
          callback(null, new Empty());
        }, slowness);
      },
    });
    address = await new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
      );
    });
  });
  afterEach(() => server.forceShutdown());

  test("arrive in order, with severity and resource", async () => {
    const log = new EngineLog(address);
    for (let line = 0; line < 20; line++) log.write(line % 2 ? "warning" : "info", "urn:a", `line ${line}`);
    await log.flush();
    expect(received.map(({ message }) => message)).toEqual(
      Array.from({ length: 20 }, (_, line) => `line ${line}`),
    );
    expect(received[1]).toMatchObject({ severity: LogSeverity.WARNING, urn: "urn:a", ephemeral: false });
  });

  test("of status texts that pile up only the newest is sent", async () => {
    slowness = 10;
    const log = new EngineLog(address);
    for (let text = 0; text < 50; text++) log.status("urn:a", `step ${text}`);
    await log.flush();
    expect(received.length).toBeLessThan(5);
    expect(received.at(-1)).toMatchObject({ message: "step 49", ephemeral: true });
  });

  test("never carry a hidden text", async () => {
    const log = new EngineLog(address);
    log.hide(["hunter2hunter2", "", "abc"]);
    log.write("error", "urn:a", "AUTH hunter2hunter2 failed: hunter2hunter2, abc");
    await log.flush();
    expect(received.map(({ message }) => message)).toEqual(["AUTH [secret] failed: [secret], abc"]);
    expect(log.redact("hunter2hunter2")).toBe("[secret]");
  });

  test("without an engine, or with one that is gone, nothing fails", async () => {
    const none = new EngineLog(undefined);
    none.write("info", "", "unheard");
    await none.flush();
    server.forceShutdown();
    const gone = new EngineLog(address);
    gone.write("info", "", "unheard");
    await gone.flush();
    expect(received).toEqual([]);
  });

  test("go to the engine that attaches", async () => {
    const log = new EngineLog(undefined);
    log.attach(address);
    log.write("info", "", "heard");
    await log.flush();
    expect(received.map(({ message }) => message)).toEqual(["heard"]);
  });
});
