/** Opens connections to the fake's servers, the way cluster/connection.ts does to real ones. */
import {
  type ConnectOptions,
  type Connector,
  type NodeClient,
  RedisReplyError,
  UnreachableError,
} from "../../../../cluster/client";
import { PasswordRefusedError } from "../../../../cluster/errors";
import { ENGINE } from "../network";
import type { Server } from "../server";
import { FakeClient } from "./client";
import type { EngineSession } from "./session";

interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export function fakeConnector(session: EngineSession): Connector {
  return {
    async connect(node, passwords, options = {}): Promise<NodeClient> {
      const server = await session.guard(dial(session, node, options.connectTimeoutMs ?? 2000));
      const client = new FakeClient(session, node.name, server, options.replyTimeoutMs ?? 5000);
      return introduce(client, passwords, options);
    },
  };
}

async function introduce(
  client: FakeClient,
  passwords: readonly string[],
  options: ConnectOptions,
): Promise<NodeClient> {
  try {
    client.passwordIndex = await authenticate(client, passwords);
    if (options.clientName) await client.call("CLIENT", "SETNAME", options.clientName);
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

function dial(session: EngineSession, node: Target, timeoutMs: number): Promise<Server> {
  const { scheduler, network, faults } = session.cluster;
  return scheduler.wait((resolve, reject) => {
    scheduler.after(network.latency() * 2, () => {
      const server = network.dataAt(node.host, node.port);
      if (server && !network.reachable(ENGINE, server.name)) {
        scheduler.after(timeoutMs, () =>
          reject(new UnreachableError(node.name, "timeout", "no answer to connect")),
        );
      } else if (!server || faults.refusing.has(server.name)) {
        reject(new UnreachableError(node.name, "refused", "connection refused"));
      } else resolve(server);
    });
  });
}

/** Tries each password in order. Returns the index of the accepted one, -1 where the server has none set. */
async function authenticate(client: FakeClient, passwords: readonly string[]): Promise<number> {
  let refusal = "";
  for (const [index, password] of passwords.entries()) {
    try {
      await client.call("AUTH", password);
      return index;
    } catch (error) {
      if (!(error instanceof RedisReplyError)) throw error;
      refusal = error.message;
      if (/no password is set|without any password configured/.test(refusal)) return -1;
      if (!/invalid password|^WRONGPASS/.test(refusal)) throw error;
    }
  }
  if (passwords.length === 0) {
    await client.call("PING");
    return -1;
  }
  throw new PasswordRefusedError(client.node, refusal.split(" ", 1)[0] ?? "ERR");
}
