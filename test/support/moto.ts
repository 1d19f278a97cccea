/** AWS as far as tests need it: moto's server on a port of this machine, with nothing in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { systemClock } from "../../cluster/clock";
import { waitUntil } from "../../cluster/wait";
import { freePorts } from "./ports";
import { pythonWith } from "./python";

export interface Moto {
  readonly url: string;
  /** For whatever speaks to AWS: endpoint, region, and credentials that mean nothing. */
  readonly env: Readonly<Record<string, string>>;
  /** Forgets everything that it was told. */
  reset(): Promise<void>;
  end(): Promise<void>;
}

const START_MS = 60_000;

/** Installed into the kit's cache the first time, about half a minute. The caller must call `end`. */
export async function startMoto(): Promise<Moto> {
  const python = await pythonWith("moto");
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: "eu-central-1",
    AWS_DEFAULT_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  const child = spawn(python.command, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    env: { ...process.env, ...python.env, PYTHONUNBUFFERED: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4_000);
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const end = async () => {
    process.off("exit", kill);
    await ended(child);
  };
  const look = async (): Promise<true | string> => {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`moto ended at its start: ${log}`);
    return fetch(`${url}/moto-api/data.json`).then(
      (answer) => answer.ok || `HTTP ${answer.status}`,
      (error: unknown) => String(error),
    );
  };
  try {
    await waitUntil(look, { clock: systemClock, timeoutMs: START_MS, what: "moto to answer" });
  } catch (error) {
    await end();
    throw error;
  }
  const reset = async () => {
    await fetch(`${url}/moto-api/reset`, { method: "POST" });
  };
  return { url, env, reset, end };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await exit;
}
