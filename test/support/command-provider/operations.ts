/** The resources of the stand-in, see main.ts. */
import { randomBytes } from "node:crypto";
import type { Client } from "ssh2";
import { z } from "zod";
import type { EngineLog } from "../../../provider/engine-log";
import type { ResourceOperations, Subject } from "../../../provider/operations";
import { changedPaths, type PlainObject, unwrap } from "../../../provider/wire";
import { type Connection, checkKey, connectionSchema, dial } from "./dial";

const commandSchema = z.object({
  connection: connectionSchema,
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  stdin: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  logging: z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).default("stdoutAndStderr"),
  addPreviousOutputInEnv: z.boolean().default(true),
});

type Command = z.output<typeof commandSchema>;

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

export function commandOperations(log: EngineLog): ResourceOperations {
  const run = async (
    subject: Subject,
    inputs: PlainObject,
    text: string | undefined,
    before: Ran,
  ): Promise<object> => {
    if (text === undefined) return { ...inputs, stdout: before.stdout, stderr: before.stderr };
    const ran = await runRemotely(log, subject, commandSchema.parse(unwrap(inputs)), text, before);
    return { ...inputs, ...ran };
  };
  const nothing: Ran = { stdout: "", stderr: "" };
  return {
    ...common(),
    create: async ({ inputs, preview, ...subject }) => {
      const id = `${subject.name}${randomBytes(8).toString("hex")}`;
      if (preview) return { id, outputs: inputs };
      const { create } = commandSchema.parse(unwrap(inputs));
      return { id, outputs: await run(subject, inputs, create, nothing) };
    },
    update: async ({ newInputs, oldOutputs, preview, ...subject }) => {
      const before = { ...nothing, ...(unwrap(oldOutputs) as object) };
      if (preview) return { ...newInputs, stdout: before.stdout, stderr: before.stderr };
      const { update, create } = commandSchema.parse(unwrap(newInputs));
      return run(subject, newInputs, update ?? create, before);
    },
    delete: async ({ inputs, outputs, ...subject }) => {
      const command = commandSchema.safeParse(unwrap(inputs)).data;
      if (command?.delete === undefined) return;
      await runRemotely(log, subject, command, command.delete, {
        ...nothing,
        ...(unwrap(outputs) as object),
      });
    },
  };
}

/** Any changed input is a change; which of them replace is in the SDK's class (`replaceOnChanges`). */
function common(): Pick<ResourceOperations, "check" | "diff" | "read"> {
  return {
    check: () => Promise.resolve([]),
    diff: ({ oldInputs, newInputs }) => {
      const changes = changedPaths(oldInputs, newInputs);
      return Promise.resolve({ hasChanges: changes.length > 0, changes });
    },
    read: ({ outputs }) => Promise.resolve(outputs),
  };
}

async function runRemotely(
  log: EngineLog,
  { urn }: Subject,
  command: Command,
  text: string,
  before: Ran,
): Promise<Ran> {
  checkKey(command.connection.privateKey);
  const { client, close } = await dial(command.connection, (line) => log.status(urn, line));
  const env = { ...command.environment };
  if (command.addPreviousOutputInEnv) {
    env.PULUMI_COMMAND_STDOUT = before.stdout;
    env.PULUMI_COMMAND_STDERR = before.stderr;
  }
  const isLogged = (stream: "stdout" | "stderr") =>
    command.logging === stream || command.logging === "stdoutAndStderr";
  try {
    const { problem, both, ...ran } = await execute(
      client,
      text,
      env,
      command.stdin ?? "",
      (stream, line) => {
        if (isLogged(stream)) log.write("info", urn, line);
      },
    );
    if (problem !== undefined) throw new Error(`${problem}: running ${JSON.stringify(text)}:\n${both}`);
    return ran;
  } finally {
    close();
  }
}

function execute(
  client: Client,
  command: string,
  env: Readonly<Record<string, string>>,
  stdin: string,
  tell: (stream: "stdout" | "stderr", line: string) => void,
): Promise<Ran & { both: string; problem: string | undefined }> {
  return new Promise((resolve, reject) => {
    const out = { stdout: "", stderr: "", both: "" };
    let problem: string | undefined = "wait: remote command exited without exit status or exit signal";
    const collect = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
      out[stream] += chunk.toString();
      out.both += chunk.toString();
      for (const line of chunk.toString().trimEnd().split("\n")) tell(stream, line);
    };
    const broken = () => resolve({ ...out, problem });
    client.once("close", broken);
    client.once("end", broken);
    client.exec(command, { env: { ...env } }, (error, channel) => {
      if (error) return reject(error);
      channel.on("data", collect("stdout"));
      channel.stderr.on("data", collect("stderr"));
      channel.on("exit", (code: number | null, signal?: string) => {
        problem =
          code === 0
            ? undefined
            : code === null
              ? `Process exited with signal ${signal}`
              : `Process exited with status ${code}`;
      });
      channel.on("close", () =>
        resolve({
          both: out.both,
          problem,
          stdout: out.stdout.replace(/\n$/, ""),
          stderr: out.stderr.replace(/\n$/, ""),
        }),
      );
      channel.on("error", () => undefined);
      channel.end(stdin);
    });
  });
}

const copySchema = z.object({
  connection: connectionSchema,
  remotePath: z.string(),
  source: z.looseObject({ path: z.string() }),
});

export function copyOperations(log: EngineLog): ResourceOperations {
  const copy = async ({ urn }: Subject, inputs: PlainObject): Promise<void> => {
    const { connection, remotePath, source } = copySchema.parse(unwrap(inputs));
    await upload(connection, source.path, remotePath, (line) => log.status(urn, line));
  };
  return {
    ...common(),
    create: async ({ inputs, preview, ...subject }) => {
      if (preview) return { id: "", outputs: inputs };
      await copy(subject, inputs);
      return { id: randomBytes(8).toString("hex"), outputs: inputs };
    },
    update: async ({ newInputs, oldInputs, preview, ...subject }) => {
      if (!preview && needsCopy(oldInputs, newInputs)) await copy(subject, newInputs);
      return newInputs;
    },
    delete: () => Promise.resolve(),
  };
}

/** The real one compares the asset's hash and the path; a changed connection copies nothing. */
function needsCopy(before: PlainObject, now: PlainObject): boolean {
  const key = (inputs: PlainObject) => JSON.stringify([unwrap(inputs.source ?? null), inputs.remotePath]);
  return key(before) !== key(now);
}

async function upload(
  connection: Connection,
  from: string,
  to: string,
  tell: (line: string) => void,
): Promise<void> {
  checkKey(connection.privateKey);
  const { client, close } = await dial(connection, tell);
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("close", () => reject(new Error(`the connection broke while ${from} was copied`)));
      client.sftp((error, sftp) => {
        if (error) return reject(error);
        sftp.fastPut(from, to, (failed) =>
          failed
            ? reject(new Error(`failed to copy file ${from} to remote path ${to}: ${failed.message}`))
            : resolve(),
        );
      });
    });
  } finally {
    close();
  }
}
