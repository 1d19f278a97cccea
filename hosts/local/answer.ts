/** Asks a starting node, in Redis's own protocol, whether it serves already. */
import { connect, type Socket } from "node:net";

/**
 * - `refused`: nobody listens (yet).
 * - `silent`: the port accepts, but no reply within the bound: Redis is busy loading, or is suspended.
 * - `loading`: it says that it loads its data set.
 * - `up`: any other reply. Whether it is healthy is not this question.
 */
export type Answer = "refused" | "silent" | "loading" | "up";

/** One PING. The password is needed because Redis says NOAUTH before it would say LOADING. */
export function askNode(
  address: string,
  port: number,
  password: string | undefined,
  timeoutMs: number,
): Promise<Answer> {
  const socket = connect({ host: address, port });
  const connected = new Promise<void>((resolve) => socket.once("connect", resolve));
  return converse(socket, connected, password, timeoutMs);
}

/** The same over a stream that is connected already. It is closed afterwards. */
export function askOver(socket: Socket, password: string | undefined, timeoutMs: number): Promise<Answer> {
  return converse(socket, Promise.resolve(), password, timeoutMs);
}

function converse(
  socket: Socket,
  whenConnected: Promise<void>,
  password: string | undefined,
  timeoutMs: number,
): Promise<Answer> {
  return new Promise((resolve) => {
    let received = "";
    let connected = false;
    const end = (answer: Answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(connected ? "silent" : "refused"), timeoutMs);
    socket.once("error", () => end(connected ? "silent" : "refused"));
    socket.once("close", () => end(connected ? "silent" : "refused"));
    void whenConnected.then(() => {
      connected = true;
      if (password !== undefined) socket.write(encode("AUTH", password));
      socket.write(encode("PING"));
    });
    const wanted = password === undefined ? 1 : 2;
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const lines = received.split("\r\n").slice(0, -1);
      if (lines.length >= wanted) end(lines.some((line) => line.startsWith("-LOADING")) ? "loading" : "up");
    });
  });
}

function encode(...words: string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}
