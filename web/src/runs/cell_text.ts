/** What a cell of runs says: short in its row, with all digits on hover and in copies. */
import type { ColumnValue } from "../api/run_sets";
import { formatAny, formatCount, formatExact, formatValue } from "../format/number";
import { formatDuration, formatMoment } from "../format/time";

const SPECIAL: Record<string, number> = { NaN: Number.NaN, Infinity: Infinity, "-Infinity": -Infinity };
const CONFIG_DIGITS = 6;
const DIGITS = 4;

/** The number a value stands for; NaN and infinities travel as their names. Null for everything else. */
export function numberOf(value: ColumnValue): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && Object.hasOwn(SPECIAL, value) ? SPECIAL[value] : null;
}

export const isTime = (column: string): boolean => /^(create|update|finish)_time$/.test(column);

/**
 * How many decimals the numbers of a column have in common; null where they are too far apart to stand in line, or are whole.
 *
 * @param values of the rows that are known.
 */
export function decimalsOf(values: Iterable<ColumnValue>): number | null {
  let largest = 0;
  let smallest = Infinity;
  let isWhole = true;
  for (const value of values) {
    if (typeof value !== "number" || value === 0) continue;
    const size = Math.abs(value);
    largest = Math.max(largest, size);
    smallest = Math.min(smallest, size);
    if (!Number.isInteger(value)) isWhole = false;
  }
  if (isWhole || largest >= 1e6 || largest < 1e-3) return null;
  const decimals = Math.max(0, DIGITS - 1 - Math.floor(Math.log10(largest)));
  // Two digits of the smallest must be left.
  return smallest < 10 ** (1 - decimals) ? null : decimals;
}

const withMinus = (text: string) => text.replace(/-/g, "−");

/** A value as it stands in its row. */
export function cellLabel(column: string, value: ColumnValue, decimals: number | null): string {
  if (value === null || value === undefined) return "";
  const number = numberOf(value);
  if (number === null || (typeof value === "string" && !column.startsWith("summary."))) return cellText(column, value);
  if (isTime(column)) return formatMoment(number);
  if (column === "duration") return formatDuration(number * 1000);
  if (!Number.isFinite(number)) return formatExact(number);
  if (Number.isInteger(number) && Math.abs(number) < 1e7 && decimals === null) return formatCount(number);
  if (decimals !== null && Math.abs(number) < 1e6) return withMinus(number.toFixed(decimals));
  return formatValue(number, column.startsWith("config.") ? CONFIG_DIGITS : DIGITS);
}

/** A value with all it holds, for hovers, copies and files. */
export function cellText(column: string, value: ColumnValue): string {
  if (value === null || value === undefined) return "";
  if (isTime(column) && typeof value === "number") return formatMoment(value);
  if (column === "duration" && typeof value === "number") return String(value);
  if (typeof value === "number") return formatExact(value);
  if (typeof value === "boolean") return String(value);
  if (Array.isArray(value)) {
    return value.every((one) => typeof one === "string") ? value.join(", ") : JSON.stringify(value);
  }
  return typeof value === "string" ? value : formatAny(value);
}

/** One field of tab-separated values: what would end it is a blank. */
export const tsvField = (text: string): string => text.replace(/[\t\r\n]+/g, " ");

export const tsvLine = (fields: readonly string[]): string => fields.map(tsvField).join("\t");
