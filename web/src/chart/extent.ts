/** Measures the part of a chart's series that is shown: how far it reaches, and what of it cannot be drawn. */
import type { Clip } from "../url/view_state";
import { type ChartModel, type ChartSeries, spanColumns, xColumn, yColumn } from "./model";

export interface Extent {
  xMin: number;
  xMax: number;
  yMin: number;
  yMax: number;
  yMinSeries: string | null;
  /** The range of the smoothed lines: it may reach beyond the values where these are cut to a part of x. */
  smoothedMin: number;
  smoothedMax: number;
  unshownCount: number;
  nonfiniteCount: number;
  shownCount: number;
}

export function measureExtent(model: ChartModel): Extent {
  const extent: Extent = {
    xMin: Infinity,
    xMax: -Infinity,
    yMin: Infinity,
    yMax: -Infinity,
    yMinSeries: null,
    smoothedMin: Infinity,
    smoothedMax: -Infinity,
    unshownCount: 0,
    nonfiniteCount: 0,
    shownCount: 0,
  };
  for (const series of model.series) measureSeries(series, model, extent);
  return extent;
}

function measureSeries(series: ChartSeries, model: ChartModel, extent: Extent): void {
  const xs = xColumn(series);
  if (!xs) return;
  const firsts = series.mode === "buckets" ? series.columns.x_first : xs;
  const [lows, highs] = spanColumns(series);
  const nonfinite = series.columns.nonfinite;
  const smoothed = series.columns.smoothed;
  const [from, to] = model.xRange ?? [-Infinity, Infinity];
  const isLogX = model.xKind === "log";
  const isLogY = model.yKind === "log";
  for (let index = 0; index < xs.length; index++) {
    const xFirst = firsts[index] + series.xOffset;
    const xLast = xs[index] + series.xOffset;
    if (!(xLast >= from && xFirst <= to)) continue;
    extent.shownCount++;
    if (isLogX && xLast <= 0) {
      extent.unshownCount++;
      continue;
    }
    const xLeft = isLogX && xFirst <= 0 ? xLast : xFirst;
    if (xLeft < extent.xMin) extent.xMin = xLeft;
    if (xLast > extent.xMax) extent.xMax = xLast;
    const low = lows[index];
    const high = highs[index];
    const isDrawable = low - low === 0 && high - high === 0;
    if (nonfinite ? nonfinite[index] > 0 : !isDrawable) extent.nonfiniteCount++;
    if (!isDrawable) continue;
    if (isLogY && low <= 0) extent.unshownCount++;
    if (!isLogY || low > 0) take(low, series.id, extent);
    if (!isLogY || high > 0) take(high, series.id, extent);
    const smooth = smoothed?.[index];
    if (smooth !== undefined && smooth - smooth === 0 && (!isLogY || smooth > 0)) {
      if (smooth < extent.smoothedMin) extent.smoothedMin = smooth;
      if (smooth > extent.smoothedMax) extent.smoothedMax = smooth;
    }
  }
}

function take(y: number, series: string, extent: Extent): void {
  if (y < extent.yMin) {
    extent.yMin = y;
    extent.yMinSeries = series;
  }
  if (y > extent.yMax) extent.yMax = y;
}

/** Calls `see` for each point or bucket that lies in the shown part of x and can be drawn. */
export function eachShown(
  series: ChartSeries,
  { xRange, xKind }: Pick<ChartModel, "xRange" | "xKind">,
  see: (index: number, low: number, high: number) => void,
): void {
  const xs = xColumn(series);
  if (!xs) return;
  const firsts = series.mode === "buckets" ? series.columns.x_first : xs;
  const [lows, highs] = spanColumns(series);
  const [from, to] = xRange ?? [-Infinity, Infinity];
  for (let index = 0; index < xs.length; index++) {
    if (!(xs[index] + series.xOffset >= from && firsts[index] + series.xOffset <= to)) continue;
    if (xKind === "log" && xs[index] + series.xOffset <= 0) continue;
    const low = lows[index];
    const high = highs[index];
    if (low - low === 0 && high - high === 0) see(index, low, high);
  }
}

/** The share of values below and above which a clipped axis does not reach. */
const CLIPPED_SHARE: Record<Clip, number> = { all: 0, "99": 0.01, "95": 0.05 };

/**
 * The range of the middle part of the shown values; null where all of them count, or where there is none.
 *
 * A bucket counts with its smallest and its largest value and with that of its line: a single spike is one value among many.
 */
export function clippedRange(model: ChartModel): [number, number] | null {
  const share = CLIPPED_SHARE[model.clip ?? "all"];
  if (share === 0) return null;
  let size = 0;
  for (const series of model.series) size += 4 * (xColumn(series)?.length ?? 0);
  const values = new Float64Array(size);
  let count = 0;
  const add = (value: number) => {
    if (value - value === 0 && (model.yKind === "linear" || value > 0)) values[count++] = value;
  };
  for (const series of model.series) {
    const line = yColumn(series, model.line);
    const smoothed = series.columns.smoothed;
    eachShown(series, model, (index, low, high) => {
      add(line[index]);
      if (series.mode !== "points") {
        add(low);
        add(high);
      }
      if (smoothed) add(smoothed[index]);
    });
  }
  if (count === 0) return null;
  const sorted = values.subarray(0, count).sort();
  const at = (part: number) => sorted[Math.round(part * (count - 1))];
  return [at(share), at(1 - share)];
}

export interface Outside {
  aboveCount: number;
  belowCount: number;
}

/** How many of the shown points or buckets reach beyond the y axis. */
export function countOutside(model: ChartModel, min: number, max: number): Outside {
  const outside = { aboveCount: 0, belowCount: 0 };
  for (const series of model.series) {
    eachShown(series, model, (_, low, high) => {
      if (high > max) outside.aboveCount++;
      // What a log axis cannot show at all is counted elsewhere.
      if (low < min && (model.yKind === "linear" || low > 0)) outside.belowCount++;
    });
  }
  return outside;
}
