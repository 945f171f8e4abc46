/** The bins of a histogram of runs. Pure. */
import type { ShownRun } from "../../panel/shown_run";
import type { ColumnTable } from "../columns";
import { extentOf, quantileOf } from "../statistics";
import type { HistogramConfig } from "./config";

export interface Bin {
  from: number;
  to: number;
  runs: ShownRun[];
}

export interface Bins {
  bins: Bin[];
  runCount: number;
  /** The most runs in one bin. */
  most: number;
  missingCount: number;
  /** Runs that a log axis cannot show, since they are not above 0. */
  unshownCount: number;
}

const AUTO_MIN = 5;
const AUTO_MAX = 60;

/** As many bins as suit: their width is twice the interquartile range over the cube root of the count (Freedman and Diaconis). */
export function binCountFor(ascending: readonly number[]): number {
  const [min, max] = [ascending[0], ascending[ascending.length - 1]];
  if (!(max > min)) return 1;
  const width = (2 * (quantileOf(ascending, 0.75) - quantileOf(ascending, 0.25))) / Math.cbrt(ascending.length);
  const count = width > 0 ? Math.ceil((max - min) / width) : Math.ceil(Math.log2(ascending.length) + 1);
  return Math.min(AUTO_MAX, Math.max(AUTO_MIN, count));
}

export function binsOf(runs: readonly ShownRun[], table: ColumnTable, config: HistogramConfig): Bins {
  const { column, isLog, binCount } = config;
  const numbers = runs.map((run) => table.number(run.id, column));
  const isShown = (number: number) => !Number.isNaN(number) && (!isLog || number > 0);
  const missingCount = numbers.filter(Number.isNaN).length;
  const place = (number: number) => (isLog ? Math.log(number) : number);
  const shown = runs.flatMap((run, index) => (isShown(numbers[index]) ? [{ run, at: place(numbers[index]) }] : []));
  const unshownCount = runs.length - missingCount - shown.length;
  if (shown.length === 0) return { bins: [], runCount: 0, most: 0, missingCount, unshownCount };

  const ascending = shown.map(({ at }) => at).sort((a, b) => a - b);
  const [min, max] = extentOf(ascending);
  const count = max > min ? (binCount ?? binCountFor(ascending)) : 1;
  const edge = (index: number) => {
    // All the same: a bin around it.
    const at =
      max > min ? min + ((max - min) * index) / count : min + (index - 0.5) * (isLog ? 0.1 : Math.abs(min) || 1);
    return isLog ? Math.exp(at) : at;
  };
  const bins = Array.from({ length: count }, (_, index): Bin => ({ from: edge(index), to: edge(index + 1), runs: [] }));
  for (const { run, at } of shown) {
    // The last bin has its upper edge too.
    const index = max > min ? Math.min(count - 1, Math.floor(((at - min) / (max - min)) * count)) : 0;
    bins[index].runs.push(run);
  }
  return {
    bins,
    runCount: shown.length,
    most: Math.max(...bins.map((bin) => bin.runs.length)),
    missingCount,
    unshownCount,
  };
}
