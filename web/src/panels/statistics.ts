/** What many numbers are together. All take finite numbers. */
import type { Aggregate, Band } from "../url/view_state";

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value / values.length, 0);

/** The value below which a share of the values lie, between two of them in proportion. */
export function quantileOf(ascending: readonly number[], share: number): number {
  const place = share * (ascending.length - 1);
  const below = Math.floor(place);
  const above = Math.min(ascending.length - 1, below + 1);
  return ascending[below] + (ascending[above] - ascending[below]) * (place - below);
}

export function medianOf(values: readonly number[]): number {
  return quantileOf(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** How far values lie from their mean, of a sample: 0 for a single one. */
export function deviationOf(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

export function extentOf(values: Iterable<number>): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return [min, max];
}

export function aggregateOf(values: readonly number[], aggregate: Aggregate): number {
  switch (aggregate) {
    case "mean":
      return meanOf(values);
    case "median":
      return medianOf(values);
    case "min":
      return extentOf(values)[0];
    case "max":
      return extentOf(values)[1];
  }
}

/** The two ends of a group's whisker; null for none. */
export function bandOf(values: readonly number[], band: Band): [number, number] | null {
  if (band === "none" || values.length === 0) return null;
  if (band === "range") return extentOf(values);
  const mean = meanOf(values);
  const reach = deviationOf(values) / (band === "stderr" ? Math.sqrt(values.length) : 1);
  return [mean - reach, mean + reach];
}
