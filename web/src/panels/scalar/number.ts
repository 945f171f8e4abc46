/** Which number a panel of one number shows, and how far it is from its baseline. Pure. */
import type { ShownRun } from "../../panel/shown_run";
import type { ColumnTable } from "../columns";
import { meanOf } from "../statistics";
import type { ScalarConfig } from "./config";

export interface ShownNumber {
  value: number;
  /** The run it is of; null for the mean of all. */
  run: ShownRun | null;
  /** Runs with a number. */
  runCount: number;
  /** The numbers of all runs, the oldest first. */
  values: number[];
  /** Null where there is no baseline, or none with a number. */
  baseline: { value: number; delta: number; share: number | null } | null;
}

/** Null where no run has a number. */
export function numberOf(
  runs: readonly ShownRun[],
  table: ColumnTable,
  { column, which, baseline }: ScalarConfig,
): ShownNumber | null {
  const known = runs.flatMap((run) => {
    const value = table.number(run.id, column);
    return Number.isNaN(value) ? [] : [{ run, value }];
  });
  if (known.length === 0) return null;
  const values = known.map(({ value }) => value).reverse();
  const newest = known.reduce((best, one) => (one.run.createTimeMs > best.run.createTimeMs ? one : best));
  let chosen: { run: ShownRun | null; value: number } = newest;
  if (which === "highlighted") chosen = known.find(({ run }) => run.emphasis === "strong") ?? newest;
  else if (which === "min") chosen = known.reduce((best, one) => (one.value < best.value ? one : best));
  else if (which === "max") chosen = known.reduce((best, one) => (one.value > best.value ? one : best));
  else if (which === "mean") chosen = { run: null, value: meanOf(values) };
  const base = baseline === null ? Number.NaN : table.number(baseline, column);
  const delta = chosen.value - base;
  return {
    ...chosen,
    runCount: known.length,
    values,
    baseline: Number.isNaN(base) ? null : { value: base, delta, share: base === 0 ? null : delta / Math.abs(base) },
  };
}

/** A line through values in a box, as the path of an SVG; non-finite ones part it. Empty with fewer than two. */
export function sparkPath(values: ArrayLike<number>, width: number, height: number): string {
  const finite = Array.from(values).filter(Number.isFinite);
  if (finite.length < 2 || width <= 0) return "";
  const [min, max] = finite.reduce(
    ([low, high], one) => [Math.min(low, one), Math.max(high, one)],
    [Infinity, -Infinity],
  );
  let path = "";
  let isOpen = false;
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index])) {
      isOpen = false;
      continue;
    }
    const x = (index / (values.length - 1)) * width;
    const y = max > min ? height - ((values[index] - min) / (max - min)) * height : height / 2;
    path += `${isOpen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isOpen = true;
  }
  return path;
}
