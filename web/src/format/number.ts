/** Writes numbers for people: significant digits, SI and thousands; the same everywhere, whatever the browser's language. */

const SI_PREFIXES: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
];

const withThousands = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A count in full: `1,000,000`. */
export const formatCount = (count: number): string => withThousands.format(count);

/** "1 run", "2 runs". */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

function special(value: number): string | null {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  return null;
}

const withMinus = (text: string) => text.replace(/-/g, "−");

const withoutTrailingZeros = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** A measured value with `digits` significant digits: `0.02814`, `1,234`, `1.235 M`, `3.1e−7`. */
export function formatValue(value: number, digits = 4): string {
  const word = special(value);
  if (word) return word;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e15) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return withMinus(`${withoutTrailingZeros(mantissa)}e${Number(exponent)}`);
  }
  if (size >= 1e6 && !(Number.isInteger(value) && size < 1e7)) {
    // Rounding may reach the next prefix: 999,999,500 is "1 G", not "1000 M".
    const rounded = Number(size.toPrecision(digits));
    const [unit, prefix] = SI_PREFIXES.find(([limit]) => rounded >= limit) ?? SI_PREFIXES[2];
    return withMinus(`${withoutTrailingZeros((value / unit).toPrecision(digits))} ${prefix}`);
  }
  if (size >= 10 ** (digits - 1)) return withMinus(withThousands.format(value));
  return withMinus(withoutTrailingZeros(value.toPrecision(digits)));
}

/** A value with all its digits, for hovers and copies. */
export const formatExact = (value: number): string => special(value) ?? String(value);

/** The label of a tick, with just the decimals that tell ticks `step` apart from each other. */
export function formatTick(value: number, step: number): string {
  const size = Math.abs(value);
  if (value === 0 || size < step * 1e-9) return "0";
  if (size >= 1e15 || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential(significantDigits(value, step)).split("e");
    return withMinus(`${withoutTrailingZeros(mantissa)}e${Number(exponent)}`);
  }
  const prefix = SI_PREFIXES.find(([limit]) => size >= limit) ?? (size >= 1e4 ? ([1e3, "k"] as const) : null);
  if (prefix) return withMinus(`${trimmed(value / prefix[0], step / prefix[0])}${prefix[1]}`);
  return withMinus(trimmed(value, step));
}

function trimmed(value: number, step: number): string {
  const decimals =
    step >= 1 && Number.isInteger(step) ? 0 : Math.min(12, Math.max(0, Math.ceil(-Math.log10(step)) + 1));
  return withoutTrailingZeros(value.toFixed(decimals));
}

const significantDigits = (value: number, step: number) =>
  Math.min(12, Math.max(0, Math.ceil(Math.log10(Math.abs(value) / step)) + 1));

/** Any JSON value of a config or a summary on one line. */
export function formatAny(value: unknown, digits = 6): string {
  if (typeof value === "number")
    return Number.isInteger(value) && Math.abs(value) < 1e7 ? formatCount(value) : formatValue(value, digits);
  if (typeof value === "string") return value;
  return JSON.stringify(value) ?? "";
}
