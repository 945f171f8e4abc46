/** Finds the points of a chart that lie nearest to the pointer. */
import type { Frame } from "./frame";
import { type ChartModel, type ChartSeries, spanColumns, xColumn, yColumn } from "./model";
import { toPixel } from "./scale";

export interface Hit {
  series: ChartSeries;
  index: number;
  /** The point's x on the chart's axis. */
  x: number;
  /** The value of the line there; may be NaN or infinite. */
  y: number;
  smoothed: number | null;
  /** Smallest and largest of the bucket, or the band of the group; null where the point is one point. */
  range: [number, number] | null;
  /** How many runs of a group have a value there; null for a line of one run. */
  runCount: number | null;
  /** Distance in pixels from the pointer, up and down; Infinity for values that are not drawn. */
  distance: number;
}

const sortedness = new WeakMap<Float64Array, boolean>();

/** Whether x never falls: true for steps, not for every metric as x. Looked at once for each column. */
function isSorted(xs: Float64Array): boolean {
  let known = sortedness.get(xs);
  if (known === undefined) {
    known = true;
    for (let index = 1; index < xs.length && known; index++) known = xs[index] >= xs[index - 1];
    sortedness.set(xs, known);
  }
  return known;
}

/** How many values of a column that never falls are below `x`. */
function countBelow(xs: Float64Array, x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the value nearest to `x`; -1 in an empty column. */
export function nearestIndex(xs: Float64Array, x: number): number {
  if (xs.length === 0) return -1;
  if (!isSorted(xs)) {
    let best = 0;
    for (let index = 1; index < xs.length; index++) if (Math.abs(xs[index] - x) < Math.abs(xs[best] - x)) best = index;
    return best;
  }
  const low = Math.min(countBelow(xs, x), xs.length - 1);
  return low > 0 && x - xs[low - 1] <= xs[low] - x ? low - 1 : low;
}

/** The index of the bucket that holds `x`: the first that ends at or after it. */
function bucketIndex(lasts: Float64Array, x: number): number {
  return isSorted(lasts) ? Math.min(countBelow(lasts, x), lasts.length - 1) : nearestIndex(lasts, x);
}

// A series that ended long before the pointer has nothing to say there: its last point counts up to this many pixels away.
const REACH_PIXELS = 24;

/**
 * The nearest point of each series at `x`, nearest to `pixelY` first.
 *
 * @param pixelY where the pointer is; null orders by value, largest first.
 */
export function hitsAt(model: ChartModel, frame: Frame, x: number, pixelY: number | null): Hit[] {
  const hits: Hit[] = [];
  const pixelX = toPixel(frame.x, x);
  for (const series of model.series) {
    const xs = xColumn(series);
    const ys = yColumn(series, model.line);
    if (!xs || !ys) continue;
    const at = x - series.xOffset;
    const index = series.mode === "buckets" ? bucketIndex(xs, at) : nearestIndex(xs, at);
    if (index < 0) continue;
    const pointX = xs[index] + series.xOffset;
    const isOnlyEdge = index === 0 || index === xs.length - 1;
    if (isOnlyEdge && xs.length > 1 && Math.abs(toPixel(frame.x, pointX) - pixelX) > REACH_PIXELS) continue;
    const smoothed = series.columns.smoothed ? series.columns.smoothed[index] : null;
    const drawn = toPixel(frame.y, smoothed ?? ys[index]);
    hits.push({
      series,
      index,
      x: pointX,
      y: ys[index],
      smoothed,
      range: series.mode === "points" ? null : spanAt(series, index),
      runCount: series.mode === "group" ? (series.columns.count?.[index] ?? null) : null,
      distance: pixelY === null || !Number.isFinite(drawn) ? Infinity : Math.abs(drawn - pixelY),
    });
  }
  return hits.sort((a, b) => (a.distance === b.distance ? compareValues(a, b) : a.distance - b.distance));
}

function spanAt(series: ChartSeries, index: number): [number, number] {
  const [lows, highs] = spanColumns(series);
  return [lows[index], highs[index]];
}

const compareValues = (a: Hit, b: Hit) => (Number.isNaN(b.y) ? -1 : Number.isNaN(a.y) ? 1 : b.y - a.y);
