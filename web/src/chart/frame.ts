/** Works out what a chart's drawing looks like before it is drawn: its scales, its ticks, and what there is to say about it. */
import { type ChartModel, type ChartSeries, xColumn } from "./model";
import { paddedRange, type Scale } from "./scale";
import { measureTicks, type Tick, ticksOf } from "./ticks";

export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Frame {
  width: number;
  height: number;
  plot: Rect;
  x: Scale;
  y: Scale;
  xTicks: Tick[];
  yTicks: Tick[];
  /** The smallest and largest finite y in the shown part; NaN where there is none. */
  yMin: number;
  yMax: number;
  /** The series that holds `yMin`. */
  yMinSeries: string | null;
  /** Points (or buckets) that a log axis cannot show, since they are not above 0. */
  unshownCount: number;
  /** Points (or buckets) that are NaN or infinite, marked on the x axis. */
  nonfiniteCount: number;
  /** Points or buckets within the shown part of x. */
  shownCount: number;
}

interface Extent {
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

// Widths of characters of the 12 px label font: near enough to keep labels from touching, without a canvas to measure with.
const CHARACTER_WIDTH = 6.6;
const LABEL_GAP = 12;
const MARGIN_TOP = 8;
const MARGIN_RIGHT = 12;
const MARGIN_BOTTOM = 22;
const MARGIN_LEFT_MIN = 32;

export function makeFrame(model: ChartModel, width: number, height: number): Frame {
  const extent = measure(model);
  const xRange = model.xRange ?? shownXRange(extent, model);
  const [yLow, yHigh] = yRange(model, extent);
  const bottom = Math.max(MARGIN_TOP + 1, height - MARGIN_BOTTOM);
  const y: Scale = { kind: model.yKind, min: yLow, max: yHigh, from: bottom, to: MARGIN_TOP };
  const wantedTicks = Math.max(2, Math.floor((bottom - MARGIN_TOP) / 36));
  const yTicks =
    model.measure && y.kind === "linear"
      ? measureTicks(y.min, y.max, wantedTicks, model.measure)
      : ticksOf(y, wantedTicks);
  const labelWidth = Math.max(0, ...yTicks.map((tick) => tick.label.length)) * CHARACTER_WIDTH;
  const left = Math.max(MARGIN_LEFT_MIN, Math.ceil(labelWidth) + LABEL_GAP);
  const right = Math.max(left + 1, width - MARGIN_RIGHT);
  const x: Scale = { kind: model.xKind, min: xRange[0], max: xRange[1], from: left, to: right };
  return {
    width,
    height,
    plot: { left, top: MARGIN_TOP, right, bottom },
    x,
    y,
    xTicks: fittingXTicks(x, model),
    yTicks,
    yMin: extent.yMin <= extent.yMax ? extent.yMin : Number.NaN,
    yMax: extent.yMin <= extent.yMax ? extent.yMax : Number.NaN,
    yMinSeries: extent.yMinSeries,
    unshownCount: extent.unshownCount,
    nonfiniteCount: extent.nonfiniteCount,
    shownCount: extent.shownCount,
  };
}

function yRange({ yKind, yBounds }: ChartModel, extent: Extent): [number, number] {
  const min = Math.min(extent.yMin, extent.smoothedMin);
  const max = Math.max(extent.yMax, extent.smoothedMax);
  const [low, high] = paddedRange(min, max, yKind, 0.05);
  if (!yBounds) return [low, high];
  const from = yBounds.min !== undefined && !(min < yBounds.min) ? yBounds.min : low;
  const to = yBounds.max !== undefined && !(max > yBounds.max) ? yBounds.max : high;
  return [from, to > from ? to : from + 1];
}

function shownXRange(extent: Extent, model: ChartModel): [number, number] {
  if (extent.xMin === extent.xMax && model.xKind === "linear") return [extent.xMin - 1, extent.xMax + 1];
  return paddedRange(extent.xMin, extent.xMax, model.xKind, 0);
}

/** As many x ticks as stand beside each other without touching. */
function fittingXTicks(x: Scale, model: ChartModel): Tick[] {
  const width = x.to - x.from;
  for (let wanted = Math.max(2, Math.floor(width / 70)); wanted > 1; wanted--) {
    const ticks = ticksOf(x, wanted, model.xUnit, model.xBase);
    const words = ticks.filter((tick) => tick.label);
    const longest = Math.max(0, ...words.map((tick) => tick.label.length)) * CHARACTER_WIDTH + LABEL_GAP;
    if (x.kind === "log" || words.length * longest <= width) return ticks;
  }
  return ticksOf(x, 1, model.xUnit, model.xBase);
}

function measure(model: ChartModel): Extent {
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
  const isBuckets = series.mode === "buckets";
  const firsts = isBuckets ? series.columns.x_first : xs;
  const lows = isBuckets ? series.columns.min : series.columns.y;
  const highs = isBuckets ? series.columns.max : series.columns.y;
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
