/** Histograms over steps as ridges, one behind the other: which are drawn, where they stand and how high they rise. No DOM. */
import type { Histograms } from "../api/records";
import { countUpTo } from "../data/merge";
import { formatCount, formatValue } from "../format/number";
import { scaleShare } from "./color_scale";
import type { Bars } from "./histogram";
import { densitiesOf, type HistogramScale, peakOf, totalOf } from "./histogram_scale";

/** Nearer to each other, ridges could not be told apart. */
const GAP_MIN = 6;
/** The height of the highest ridge as a part of the room for all. */
const RISE_SHARE = 0.3;

export interface RidgeRoom {
  /** The height of the highest ridge, in pixels. */
  rise: number;
  /** How many ridges there is room for. */
  rowMax: number;
}

export function ridgeRoom(height: number): RidgeRoom {
  const rise = Math.round(height * RISE_SHARE);
  return { rise, rowMax: Math.max(2, Math.floor((height - rise) / GAP_MIN) + 1) };
}

/** The column whose steps begin nearest to a step. */
function columnNear({ firstSteps }: Histograms, step: number): number {
  const after = countUpTo(firstSteps, step);
  if (after === 0) return 0;
  if (after === firstSteps.length) return after - 1;
  return firstSteps[after] - step < step - firstSteps[after - 1] ? after : after - 1;
}

/** The column that a step belongs to: the last that begins at it or before. */
export const columnOf = ({ firstSteps }: Histograms, step: number): number =>
  Math.max(0, countUpTo(firstSteps, step) - 1);

/**
 * The columns to draw, ascending: all where there is room, else those nearest to steps at equal distances, the first and the last
 * among them.
 */
export function ridgeColumns(all: Histograms, rowMax: number): number[] {
  const { columns, firstSteps } = all;
  if (columns <= rowMax) return Array.from({ length: columns }, (_, column) => column);
  const [first, last] = [firstSteps[0], firstSteps[columns - 1]];
  const wanted = Array.from({ length: rowMax }, (_, row) => first + ((last - first) * row) / (rowMax - 1));
  return [...new Set(wanted.map((step) => columnNear(all, step)))];
}

/** Where the ridge of a column stands, in pixels from the top: early steps behind, late ones in front. */
export function baselineOf(all: Histograms, column: number, scale: HistogramScale, height: number): number {
  const { rise } = ridgeRoom(height);
  const share = (all.firstSteps[column] - scale.first) / (scale.last - scale.first || 1);
  return rise + share * (height - rise);
}

/** The heights of the bins of a column, 0 to 1; what is denser than the scale is cut off. */
export function ridgeHeights(all: Histograms, column: number, scale: HistogramScale, isLog: boolean): number[] {
  // As many counts as make the densest bin the fullest: the logarithm is of counts, as that of colours is.
  const counts = scale.densest > 0 ? scale.most / scale.densest : 0;
  return [...densitiesOf(all, column)].map((density) => Math.min(1, scaleShare(density * counts, scale.most, isLog)));
}

/** A column as bars, with the axis of all runs. */
export function barsOfColumn(all: Histograms, column: number, { low, high }: HistogramScale): Bars {
  const { bins, edges } = all;
  const counts = [...all.counts.slice(column * bins, (column + 1) * bins)];
  const most = counts.reduce((before, count) => Math.max(before, count), 0);
  return { edges: [low, ...edges, high], counts: [0, ...counts, 0], most, total: totalOf(all, column) };
}

/** How many of how many are drawn, and how many of these not to their full height. */
export function drawnInWords(all: Histograms, drawn: readonly number[], { densest }: HistogramScale): string {
  const { columns, histogramCount } = all;
  const whole =
    columns === histogramCount
      ? `${formatCount(histogramCount)} histograms`
      : `${formatCount(columns)} sums of neighbours among ${formatCount(histogramCount)} histograms`;
  const words = drawn.length === columns ? `all ${whole}` : `${formatCount(drawn.length)} of ${whole}`;
  // Not what is higher by rounding alone.
  const cut = drawn.filter((column) => peakOf(all, column) > densest * 1.001).length;
  return cut > 0 ? `${words}, ${formatCount(cut)} cut off at the top` : words;
}

export function stepsInWords({ firstSteps, lastSteps }: Histograms, column: number): string {
  const [first, last] = [firstSteps[column], lastSteps[column]];
  return first === last ? `step ${formatCount(first)}` : `steps ${formatCount(first)} to ${formatCount(last)}`;
}

/** What of a column's values no bin holds. */
export function unbinnedInWords({ nanCounts, infiniteCounts }: Histograms, column: number): string[] {
  const words: string[] = [];
  if (nanCounts[column] > 0) words.push(`${formatValue(nanCounts[column])} NaN`);
  if (infiniteCounts[column] > 0) words.push(`${formatValue(infiniteCounts[column])} infinite`);
  return words;
}
