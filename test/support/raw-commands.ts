/** Commands to one node without any client library: what it answers to somebody who has not even a password. */
import { connect } from "node:net";

const TIMEOUT_MS = 20_000;

export interface Command {
  readonly name: string;
  /** As COMMAND tells it: number of words with the name; negative: at least so many. */
  readonly arity: number;
}

/** First line of each command's reply, by name. Every command has as many arguments as it wants, on a connection of its own kind: none closes it. */
export async function rawReplies(
  { host, port }: { readonly host: string; readonly port: number },
  commands: readonly Command[],
): Promise<Map<string, string>> {
  const lines = await exchange(host, port, commands.map(words), commands.length);
  return new Map(commands.map(({ name }, index) => [name, lines[index] ?? "(no reply)"]));
}

function words({ name, arity }: Command): string[] {
  return [name, ...Array.from({ length: Math.abs(arity) - 1 }, () => "1")];
}

/** Errors are one line each, so lines are replies as long as all are refused; a reply of another kind is a line that is no error. */
function exchange(
  host: string,
  port: number,
  requests: readonly (readonly string[])[],
  wanted: number,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = "";
    const finish = () => {
      socket.destroy();
      resolve(text.split("\r\n").filter((line) => line !== ""));
    };
    socket.setTimeout(TIMEOUT_MS, () => {
      socket.destroy();
      reject(
        new Error(`${host}:${port}: ${wanted} replies expected, last seen: ${text.slice(-200) || "nothing"}`),
      );
    });
    socket.on("error", reject);
    socket.on("close", finish);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.split("\r\n").length > wanted) finish();
    });
    socket.write(requests.map(encode).join(""));
  });
}

function encode(request: readonly string[]): string {
  return `*${request.length}\r\n${request.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
