/** What every command returns: values, not prints. Only main.ts prints and exits. */
import type { Style } from "./print/style";

/**
 * Exit codes that others build on.
 * `status`: 0 healthy, 1 not healthy. `plan`: 0 nothing to do, 1 something to do or refused. `apply`, `heal`, `drill`:
 * 0 done, 1 not done. All: 2 wrong usage, no declaration, or nothing answers at all.
 */
export type ExitCode = 0 | 1 | 2;

export interface Answer {
  readonly exitCode: ExitCode;
  /** What `--json` prints. Holds no secret. */
  readonly json: unknown;
  /** What people read, without a newline at its end. */
  readonly text: (style: Style) => string;
}
