/** How wide and how colourful the text may be. */
import { styleText } from "node:util";

/** The few meanings that colours have here. */
export type Tone = "good" | "bad" | "warn" | "dim" | "bold";

const FORMATS = { good: "green", bad: "red", warn: "yellow", dim: "dim", bold: "bold" } as const;

export interface Style {
  /** Width of the terminal in characters. */
  readonly columns: number;
  readonly paint: (tone: Tone, text: string) => string;
}

/** Where nobody says how wide it is (a pipe, a file): every column of the status table fits. */
export const DEFAULT_COLUMNS = 120;

/** The stream's width, and colours only on a terminal. `NO_COLOR` (https://no-color.org) turns them off. */
export function styleOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: NodeJS.ProcessEnv,
): Style {
  const told = Number(env.COLUMNS);
  const columns = stream.columns ?? (Number.isInteger(told) && told > 0 ? told : DEFAULT_COLUMNS);
  const isColourful = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  return { columns, paint: isColourful ? colour : plain };
}

function plain(_tone: Tone, text: string): string {
  return text;
}

function colour(tone: Tone, text: string): string {
  return styleText(FORMATS[tone], text, { validateStream: false });
}

/** Colours off. */
export function plainStyle(columns: number): Style {
  return { columns, paint: plain };
}
