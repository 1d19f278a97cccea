/**
 * An error that users are expected to meet: a missing compiler, a refused checksum, somebody else's lock.
 * It is shown as its message and cure, without a stack trace (scripts/run.cjs and the CLI know it by its name).
 */
export class UserError extends Error {
  override readonly name = "UserError";

  constructor(
    /** What was found and what was expected, naming the thing. */
    readonly problem: string,
    /** What the user can do about it, one or more sentences. */
    readonly cure: string,
  ) {
    super(cure === "" ? problem : `${problem}\n  ${cure}`);
  }
}

/** A source that did not answer. Not shown to users by itself: the next source is tried. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** The shortest true description of anything thrown. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error ("ENOENT"), if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
