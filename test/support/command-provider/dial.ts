/** Connections as the real plugin makes them: retried, through a proxy where there is one. */
import type { Socket } from "node:net";
import { Client, type ConnectConfig, utils } from "ssh2";
import { z } from "zod";

const placeSchema = z.object({
  host: z.string(),
  port: z.number().default(22),
  user: z.string().default("root"),
  privateKey: z.string().optional(),
  hostKey: z.string().optional(),
  agentSocketPath: z.string().optional(),
  dialErrorLimit: z.number().default(10),
  perDialTimeout: z.number().default(15),
});

export const connectionSchema = placeSchema.extend({ proxy: placeSchema.optional() });
export type Connection = z.output<typeof connectionSchema>;
type Place = z.output<typeof placeSchema>;

/** In ms: pkg/util/retry of Pulumi's SDK. */
const FIRST_PAUSE_MS = 100;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 5000;

export interface Dialled {
  readonly client: Client;
  close(): void;
}

/** `tell` gets "Dial 3/15 failed: retrying". */
export async function dial(connection: Connection, tell: (line: string) => void): Promise<Dialled> {
  const { proxy } = connection;
  if (proxy === undefined) {
    const client = await retry(connection, "Dial", tell, () => connect(connection));
    return { client, close: () => client.end() };
  }
  const first = await wrap(retry(proxy, "Dial proxy", tell, () => connect(proxy)));
  const client = await wrap(
    retry(connection, "Dial from proxy", tell, async () =>
      connect(connection, await forward(first, connection)),
    ),
  ).catch((error: unknown) => {
    first.end();
    throw error;
  });
  const close = () => {
    client.end();
    first.end();
  };
  return { client, close };
}

async function wrap<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw new Error(`proxy: ${error instanceof Error ? error.message : String(error)}`);
  });
}

async function retry<T>(
  { dialErrorLimit }: Place,
  what: string,
  tell: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (dialErrorLimit >= 0 && attempt > dialErrorLimit)
        throw new Error(`after ${attempt - 1} failed attempts: ${text}`, { cause: error });
      tell(`${what} ${attempt}/${dialErrorLimit < 0 ? "inf" : dialErrorLimit} failed: retrying`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * PAUSE_GROWTH);
  }
}

function connect(place: Place, sock?: Socket): Promise<Client> {
  const client = new Client();
  return new Promise((resolve, reject) => {
    client.once("ready", () => resolve(client));
    // Stays, so that a connection that breaks later is no uncaught error.
    client.on("error", (error) => reject(new Error(inItsWords(error.message))));
    // A proxy's channel stays half open when the server is gone; Go's client takes its end for the connection's.
    sock?.once("end", () => client.destroy());
    client.once("close", () => reject(new Error("ssh: handshake failed: connection closed")));
    client.connect({ ...settings(place), ...(sock === undefined ? {} : { sock }) });
  });
}

/** What the real plugin (golang.org/x/crypto/ssh) says where ssh2 says something else. */
function inItsWords(message: string): string {
  if (message.includes("authentication methods failed"))
    return "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain";
  if (message.includes("Host denied")) return "ssh: handshake failed: ssh: host key mismatch";
  return message;
}

function settings(place: Place): ConnectConfig {
  const agent = place.agentSocketPath ?? process.env.SSH_AUTH_SOCK;
  const expected = place.hostKey?.split(" ");
  return {
    host: place.host,
    port: place.port,
    username: place.user,
    readyTimeout: place.perDialTimeout * 1000,
    ...(place.privateKey === undefined ? {} : { privateKey: place.privateKey }),
    ...(agent === undefined ? {} : { agent }),
    ...(expected === undefined
      ? {}
      : {
          // The type of the expected key is asked for: a server has several.
          algorithms: { serverHostKey: hostKeyAlgorithms(expected[0] ?? "") },
          hostVerifier: (key: Buffer) =>
            key.toString("base64").replace(/=+$/, "") === expected[1]?.replace(/=+$/, ""),
        }),
  };
}

function hostKeyAlgorithms(
  type: string,
): ("ssh-ed25519" | "rsa-sha2-512" | "rsa-sha2-256" | "ecdsa-sha2-nistp256")[] {
  if (type === "ssh-rsa") return ["rsa-sha2-512", "rsa-sha2-256"];
  return type.startsWith("ecdsa") ? ["ecdsa-sha2-nistp256"] : ["ssh-ed25519"];
}

function forward(client: Client, { host, port }: Place): Promise<Socket> {
  return new Promise((resolve, reject) => {
    client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error) reject(error);
      // A channel is a duplex stream, which is all that ssh2 needs of a socket.
      else resolve(channel as unknown as Socket);
    });
  });
}

/** Whether ssh2 can read a key: the real plugin fails before it dials. */
export function checkKey(text: string | undefined): void {
  if (text === undefined) return;
  const parsed = utils.parseKey(text);
  if (parsed instanceof Error) throw new Error(`ssh: no key found (${parsed.message})`);
}
