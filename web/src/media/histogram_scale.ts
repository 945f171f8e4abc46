/** The scale that the histograms of all runs of a card share, so that what looks alike is alike. No DOM. */
import type { Histograms } from "../api/records";
import { columnEdges } from "./histogram";

export interface HistogramScale {
  /** The values. */
  low: number;
  high: number;
  /** The steps: the first, the last, and where its column ends. */
  first: number;
  last: number;
  end: number;
  /** The greatest count of a bin. */
  most: number;
  /** The share of a column's values for each unit of value that is drawn highest; few columns have more. */
  densest: number;
}

/** The sum of a column's counts. */
export function totalOf({ bins, counts }: Histograms, column: number): number {
  let total = 0;
  for (let bin = 0; bin < bins; bin++) total += counts[column * bins + bin];
  return total;
}

const binWidthOf = ({ edges, bins }: Histograms): number => (edges[bins] - edges[0]) / bins || 1;

/** Which share of a column's values there is in each bin, for each unit of value: bins of any width can be compared. */
export function densitiesOf(all: Histograms, column: number): Float64Array {
  const { bins, counts } = all;
  const whole = totalOf(all, column) * binWidthOf(all) || 1;
  return Float64Array.from({ length: bins }, (_, bin) => counts[column * bins + bin] / whole);
}

/** The greatest density of a column. */
export const peakOf = (all: Histograms, column: number): number =>
  densitiesOf(all, column).reduce((peak, density) => Math.max(peak, density), 0);

// What rises higher above nearly all others is cut off.
const USUAL_SHARE = 0.9;
const CUT_FACTOR = 2;

const scales = new WeakMap<Histograms, HistogramScale>();

function scaleOfOne(all: Histograms): HistogramScale {
  const known = scales.get(all);
  if (known) return known;
  const { bins, columns, counts, edges } = all;
  const steps = columnEdges(all);
  const peaks = Float64Array.from({ length: columns }, (_, column) => peakOf(all, column)).sort();
  // A network begins with all its biases at 0: such a spike would leave no height to what comes after.
  const densest = Math.min(peaks[columns - 1], peaks[Math.floor(USUAL_SHARE * (columns - 1))] * CUT_FACTOR || Infinity);
  const most = counts.reduce((before, count) => Math.max(before, count), 0);
  const scale = {
    low: edges[0],
    high: edges[bins],
    first: steps[0],
    last: steps[columns - 1],
    end: steps[columns],
    most,
    densest,
  };
  scales.set(all, scale);
  return scale;
}

/** The scale that holds all of them; null where there is no histogram in any. */
export function scaleOf(several: readonly Histograms[]): HistogramScale | null {
  const own = several.filter((all) => all.columns > 0).map(scaleOfOne);
  if (own.length === 0) return null;
  return own.reduce((one, other) => ({
    low: Math.min(one.low, other.low),
    high: Math.max(one.high, other.high),
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    end: Math.max(one.end, other.end),
    most: Math.max(one.most, other.most),
    densest: Math.max(one.densest, other.densest),
  }));
}
