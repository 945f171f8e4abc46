/** Writes what was measured of a machine: shares as per cent, bytes in binary units, and the like. */
import { formatCount, formatValue } from "./number";

export type Measure =
  "share" | "bytes" | "byte_rate" | "celsius" | "watt" | "hertz" | "cores" | "count" | "flag" | "number";

export interface MeasureScale {
  divisor: number;
  /** With the blank before it; empty for numbers without a unit. */
  suffix: string;
}

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL = ["", "k", "M", "G", "T"];

function scaled(largest: number, base: number, names: readonly string[], unit: string): MeasureScale {
  let power = 0;
  // Rounding must not give 1,024 of a unit.
  while (power < names.length - 1 && largest / base ** power >= base - 0.5) power++;
  return { divisor: base ** power, suffix: ` ${names[power]}${unit}` };
}

/** What values up to `largest` are written in. */
export function measureScale(measure: Measure, largest: number): MeasureScale {
  switch (measure) {
    case "share":
      return { divisor: 0.01, suffix: " %" };
    case "bytes":
      return scaled(largest, 1024, BINARY, "");
    case "byte_rate":
      return scaled(largest, 1024, BINARY, "/s");
    case "hertz":
      return scaled(largest, 1000, DECIMAL, "Hz");
    case "celsius":
      return { divisor: 1, suffix: " °C" };
    case "watt":
      return { divisor: 1, suffix: " W" };
    default:
      return { divisor: 1, suffix: "" };
  }
}

/** One measured value: `97 %`, `34.2 GiB`, `1.41 GHz`. */
export function formatMeasure(value: number, measure: Measure): string {
  if (!Number.isFinite(value)) return formatValue(value);
  if (measure === "flag") return value > 0 ? "yes" : "no";
  if (measure === "count") return formatCount(value);
  const { divisor, suffix } = measureScale(measure, Math.abs(value));
  const number = value / divisor;
  // A tenth of a per cent or of a degree says nothing where there are ten of them.
  const digits = Math.abs(number) >= 100 ? 4 : 3;
  const isWhole = (measure === "share" || measure === "celsius" || measure === "watt") && Math.abs(number) >= 10;
  return (isWhole ? formatCount(Math.round(number)) : formatValue(Number(number.toPrecision(digits)), digits)) + suffix;
}
