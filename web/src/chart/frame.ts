/** Works out what a chart's drawing looks like before it is drawn: its scales, its ticks, and what there is to say about it. */
import { clippedRange, countOutside, type Extent, measureExtent } from "./extent";
import type { ChartModel } from "./model";
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
  /** Points or buckets of these that reach beyond the ends of the y axis. */
  aboveCount: number;
  belowCount: number;
}

// Widths of characters of the 12 px label font: near enough to keep labels from touching, without a canvas to measure with.
const CHARACTER_WIDTH = 6.6;
const LABEL_GAP = 12;
const MARGIN_TOP = 8;
const MARGIN_RIGHT = 12;
const MARGIN_BOTTOM = 22;
const MARGIN_LEFT_MIN = 32;

export function makeFrame(model: ChartModel, width: number, height: number): Frame {
  const extent = measureExtent(model);
  const xRange = drawableXRange(model, shownXRange(extent, model));
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
    ...(isCut(model) ? countOutside(model, y.min, y.max) : { aboveCount: 0, belowCount: 0 }),
  };
}

/** Whether values may lie beyond the y axis. */
const isCut = ({ clip = "all", yRange }: ChartModel) =>
  clip !== "all" || (yRange !== undefined && (yRange[0] !== null || yRange[1] !== null));

function yRange(model: ChartModel, extent: Extent): [number, number] {
  const { yKind, yBounds, hasZero } = model;
  let [min, max] = clippedRange(model) ?? [
    Math.min(extent.yMin, extent.smoothedMin),
    Math.max(extent.yMax, extent.smoothedMax),
  ];
  if (hasZero && yKind === "linear" && min <= max) [min, max] = [Math.min(min, 0), Math.max(max, 0)];
  let [low, high] = paddedRange(min, max, yKind, 0.05);
  if (hasZero && min === 0) low = 0;
  if (hasZero && max === 0) high = 0;
  if (yBounds) {
    if (yBounds.min !== undefined && !(min < yBounds.min)) low = yBounds.min;
    if (yBounds.max !== undefined && !(max > yBounds.max)) high = yBounds.max;
  }
  return typedRange([low, high], model);
}

/** A range with the ends that a person has typed, as far as the axis can have them. */
function typedRange([low, high]: [number, number], { yRange, yKind }: ChartModel): [number, number] {
  const canBe = (end: number | null | undefined): end is number =>
    end !== null && end !== undefined && Number.isFinite(end) && (yKind === "linear" || end > 0);
  const [typedLow, typedHigh] = yRange ?? [null, null];
  const from = canBe(typedLow) ? typedLow : low;
  let to = canBe(typedHigh) ? typedHigh : high;
  // A typed end beyond all values leaves nothing to see: the axis still needs a length.
  if (to <= from) {
    if (canBe(typedHigh) && !canBe(typedLow)) return yKind === "log" ? [to / 10, to] : [to - 1, to];
    to = yKind === "log" ? from * 10 : from + 1;
  }
  return [from, to];
}

/** The asked part of x; where an axis of logarithms cannot begin at its beginning, it begins with the first point it can show. */
function drawableXRange({ xRange, xKind }: ChartModel, shown: [number, number]): [number, number] {
  if (!xRange || (xKind === "log" && xRange[1] <= 0)) return shown;
  if (xKind === "linear" || xRange[0] > 0) return xRange;
  return [Math.min(shown[0], xRange[1] / 10), xRange[1]];
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
