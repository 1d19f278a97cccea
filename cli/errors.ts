/** From whatever was thrown to what is printed: one or two lines with the cure, and an exit code. */
import { CommanderError } from "commander";
import { DrillFailedError, DrillRefusedError } from "../cluster/drill/types";
import {
  LockedError,
  NotConvergedError,
  PasswordRefusedError,
  RefusedError,
  StepError,
  WaitError,
} from "../cluster/errors";
import type { ExitCode } from "./answer";

/** Wrong arguments, no declaration, nothing reachable: exit code 2. The message ends with the cure. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The operator said no, or could not be asked: nothing was changed. */
export class NotConfirmedError extends Error {
  override readonly name = "NotConfirmedError";
}

/** A measurement that came to nothing: clients were refused, or a program failed. Its traces are removed. */
export class LoadFailedError extends Error {
  override readonly name = "LoadFailedError";
}

export interface Failure {
  readonly text: string;
  readonly exitCode: ExitCode;
}

const OPERATIONAL = [
  DrillFailedError,
  DrillRefusedError,
  LoadFailedError,
  LockedError,
  NotConvergedError,
  NotConfirmedError,
  PasswordRefusedError,
  RefusedError,
  StepError,
  WaitError,
];

/** Those of backup/errors.ts, by name: parts of it are loaded only when they are needed. */
const BACKUP = ["BackupFailedError", "BackupRefusedError", "DamagedBackupError"];

/** Errors that are meant for people by their names: hosts/errors.ts, hosts/ssh, install/errors.ts, config/error.ts. */
const NAMED = ["AccessError", "UserError", "ConfigError", "UnchangedError"];

/** `debug` adds the stack trace. An error that nobody foresaw says so; health is not known then, so it is a 2. */
export function explain(error: unknown, debug: boolean): Failure {
  const stack = debug && error instanceof Error && error.stack ? `\n${error.stack}` : "";
  const message = error instanceof Error ? error.message : String(error);
  // Commander has printed its own text; asking for help or the version is no error.
  if (error instanceof CommanderError) return { text: "", exitCode: error.exitCode === 0 ? 0 : 2 };
  if (error instanceof UsageError) return { text: message + stack, exitCode: 2 };
  if (OPERATIONAL.some((kind) => error instanceof kind)) return { text: message + stack, exitCode: 1 };
  if (error instanceof Error && BACKUP.includes(error.name)) return { text: message + stack, exitCode: 1 };
  if (error instanceof Error && error.name === "AbortError") return { text: "interrupted", exitCode: 1 };
  if (error instanceof Error && NAMED.includes(error.name)) return { text: message + stack, exitCode: 2 };
  const hint = debug ? stack : "\nThis was not foreseen; --debug shows where it happened.";
  return { text: message + hint, exitCode: 2 };
}
