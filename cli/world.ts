/** What commands get besides their cluster: the operator. */

import type { Style } from "./print/style";

export interface World {
  /** One line beside the answer (stderr), secrets hidden. */
  readonly say: (line: string) => void;
  /** Asks yes or no; undefined where nobody can be asked. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** Aborted by the first Ctrl-C from the first call on; before that, Ctrl-C ends the process. */
  readonly interruption: () => AbortSignal;
  /** Whether progress may redraw the terminal; otherwise it is plain lines through `say`. */
  readonly isLive: boolean;
  /** How wide and colourful the terminal is. */
  readonly style?: Style;
  readonly now: () => Date;
  /** Current folder. */
  readonly directory: string;
  /** Of the kit. */
  readonly version: string;
}
