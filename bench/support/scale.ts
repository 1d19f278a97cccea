/** Values as a dashboard writes them, and axes whose lines lie at round ones. Pure. */
import type { PanelUnit } from "../../templates/monitoring/panels/types";

/** One way to write a value: `value * factor` and `suffix`. */
interface Writing {
  readonly factor: number;
  readonly suffix: string;
}

const PREFIXES = ["B", "KiB", "MiB", "GiB", "TiB"];

export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** From 0 to the first line at or above `max`; all labels in one unit, with as many decimals as the step has. */
export function ticksOf(max: number, unit: PanelUnit): Tick[] {
  const { factor, suffix } = writingOf(max, unit);
  const step = stepOf(max * factor, unit);
  const count = Math.max(1, Math.ceil((max * factor) / step - 1e-9));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: count + 1 }, (_, at) => ({
    value: (at * step) / factor,
    label: `${numberText(at * step, decimals)}${suffix}`,
  }));
}

/** Three digits and the unit. */
export function valueText(value: number, unit: PanelUnit): string {
  const { factor, suffix } = writingOf(value, unit);
  const written = value * factor;
  const decimals = Number.isInteger(written) || written >= 100 ? 0 : written >= 10 ? 1 : 2;
  return `${numberText(written, decimals)}${suffix}`;
}

function numberText(value: number, decimals: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function writingOf(max: number, unit: PanelUnit): Writing {
  switch (unit) {
    case "percentunit":
      return { factor: 100, suffix: " %" };
    case "bytes":
    case "Bps": {
      const power = max < 1 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(Math.log2(max) / 10));
      return { factor: 1024 ** -power, suffix: ` ${PREFIXES[power]}${unit === "Bps" ? "/s" : ""}` };
    }
    case "s":
      if (max >= 1 || max === 0) return { factor: 1, suffix: " s" };
      return max >= 1e-3 ? { factor: 1e3, suffix: " ms" } : { factor: 1e6, suffix: " µs" };
    case "reqps":
    case "short":
    case "slots":
    case "none":
    case "ago":
      return { factor: 1, suffix: "" };
    default:
      throw new Error(`unknown unit: ${String(unit satisfies never)}`);
  }
}

/** 1, 2 or 5 times a power of ten, for three to five lines. What is counted has no halves. */
function stepOf(max: number, unit: PanelUnit): number {
  if (max <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(max / 3));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => max / each <= 5) ?? 10 * power;
  return unit === "slots" || unit === "none" ? Math.max(1, step) : step;
}
