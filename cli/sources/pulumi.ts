/** Asks the Pulumi engine, quietly. */
import { execFile } from "node:child_process";
import { z } from "zod";

/** Bound on an answer, in ms: a backend far away (a bucket, Pulumi Cloud) may take seconds. */
const ANSWER_TIMEOUT_MS = 30_000;

export interface Said {
  readonly code: number;
  /** May hold secrets: never printed. */
  readonly stdout: string;
  /** Without "error: ". */
  readonly stderr: string;
}

export function askPulumi(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Said> {
  return new Promise((resolve) => {
    execFile(
      "pulumi",
      [...args, "--non-interactive"],
      { cwd, env, timeout: ANSWER_TIMEOUT_MS, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const timedOut = error?.killed ? `pulumi gave no answer in ${ANSWER_TIMEOUT_MS / 1000} s` : "";
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        const own = stderr.trim().replace(/^error: /gm, "");
        resolve({ code, stdout, stderr: timedOut || own || (error ? `pulumi: ${error.code}` : "") });
      },
    );
  });
}

export function isUnknownStack({ code, stderr }: Said): boolean {
  return code !== 0 && /no stack named|stack '.*' not found/.test(stderr);
}

const configSchema = z.record(
  z.string(),
  z.object({ value: z.string().optional(), objectValue: z.unknown().optional() }),
);

/** The keys of `pulumi config --json` in one namespace, without it, as a program gets them. */
export function configValues(json: string, namespace: string): Record<string, unknown> {
  const prefix = `${namespace}:`;
  return Object.fromEntries(
    Object.entries(configSchema.parse(JSON.parse(json)))
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { value, objectValue }]) => [key.slice(prefix.length), objectValue ?? value]),
  );
}
