/** Histograms as they are drawn: bars of one, and a heat map of many over steps. No DOM. */
import type { HistogramDocument, Histograms } from "../api/records";
import { countUpTo } from "../data/merge";
import { formatValue } from "../format/number";
import { scaleShare } from "./color_scale";
import type { HistogramScale } from "./histogram_scale";

export interface Bars {
  /** One more than there are counts, ascending. */
  edges: number[];
  counts: number[];
  most: number;
  total: number;
}

export function barsOf({ edges, counts }: HistogramDocument): Bars {
  const whole = counts.map((count) => count ?? 0);
  return {
    edges: edges.map((edge) => edge ?? 0),
    counts: whole,
    most: whole.reduce((most, count) => Math.max(most, count), 0),
    total: whole.reduce((sum, count) => sum + count, 0),
  };
}

/** What a histogram counts, in words. */
export function countsInWords(
  { total }: Bars,
  { nan_count: nan = 0, infinite_count: infinite = 0 }: HistogramDocument,
) {
  const words = [`${formatValue(total)} ${total === 1 ? "value" : "values"}`];
  if (nan > 0) words.push(`${formatValue(nan)} NaN`);
  if (infinite > 0) words.push(`${formatValue(infinite)} infinite`);
  return words;
}

/** The bin that holds a value, the last edge belonging to the last bin; null outside of all. */
export function binAt(edges: readonly number[], value: number): number | null {
  const last = edges.length - 1;
  if (last < 1 || !(value >= edges[0] && value <= edges[last])) return null;
  return Math.min(last - 1, countUpTo(edges, value) - 1);
}

// A bin with anything in it is to be seen beside one with a million times as much.
const BAR_PIXELS_MIN = 1;

/** The outline of the bars as an SVG path within a box; bars of unequal bins are as wide as their bins. */
export function barsPath({ edges, counts, most }: Bars, width: number, height: number): string {
  const first = edges[0];
  const range = edges[edges.length - 1] - first || 1;
  const place = (edge: number) => round(((edge - first) / range) * width);
  const parts = counts.map((count, bin) => {
    if (!(count > 0)) return "";
    const top = round(height - Math.max(BAR_PIXELS_MIN, (count / most) * height));
    return `M${place(edges[bin])} ${height}V${top}H${place(edges[bin + 1])}V${height}Z`;
  });
  return parts.join("");
}

const round = (pixel: number) => Math.round(pixel * 100) / 100;

/** Where the columns of a heat map begin, as steps, and where the last one ends. */
export function columnEdges({ columns, firstSteps, lastSteps }: Histograms): number[] {
  if (columns === 0) return [];
  const last = lastSteps[columns - 1];
  // The last column is as wide as the others are on average.
  const width = columns > 1 ? (last - firstSteps[0]) / (columns - 1) : 1;
  return [...firstSteps, last + (width || 1)];
}

/**
 * The pixels of a heat map, row by row from the top: for each the index of its colour, 0 where nothing was counted.
 *
 * Where a pixel holds several columns or bins it shows the fullest, so that no thin spike is lost.
 *
 * @param colors how many colours there are besides none.
 * @param scale the steps and values that the pixels reach over, and what has the last colour.
 */
export function heatPixels(
  all: Histograms,
  width: number,
  height: number,
  colors: number,
  isLog: boolean,
  { first, end, low, high, most }: HistogramScale,
): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(width * height);
  const { bins, columns, counts, edges } = all;
  if (columns === 0 || width === 0 || height === 0) return pixels;
  const steps = columnEdges(all);
  const stepAt = (pixel: number) => first + (pixel / width) * (end - first);
  const binWidth = (edges[bins] - edges[0]) / bins || 1;
  // What belongs to the bin behind an edge by rounding alone does not.
  const binsAt = (pixel: number) => (low + ((height - pixel) / height) * (high - low || 1) - edges[0]) / binWidth;
  const fullest = new Float32Array(bins);
  for (let x = 0; x < width; x++) {
    const from = Math.max(0, countUpTo(steps, stepAt(x)) - 1);
    const to = Math.min(columns - 1, countUpTo(steps, stepAt(x + 1 - 1e-6)) - 1);
    if (from >= columns || to < 0) continue;
    fullest.fill(0);
    for (let column = from; column <= Math.max(from, to); column++) {
      for (let bin = 0; bin < bins; bin++) fullest[bin] = Math.max(fullest[bin], counts[column * bins + bin]);
    }
    for (let y = 0; y < height; y++) {
      const least = Math.floor(binsAt(y + 1) + 1e-6);
      const last = Math.min(bins - 1, Math.max(least, Math.ceil(binsAt(y) - 1e-6) - 1));
      let count = 0;
      for (let bin = Math.max(0, least); bin <= last; bin++) count = Math.max(count, fullest[bin]);
      if (count > 0) pixels[y * width + x] = 1 + Math.round(scaleShare(count, most, isLog) * (colors - 1));
    }
  }
  return pixels;
}

/** The column at a step and the bin at a value; null outside. */
export function placeIn(all: Histograms, step: number, value: number): { column: number; bin: number } | null {
  const edges = columnEdges(all);
  const column = binAt(edges, step);
  const bin = binAt(all.edges, value);
  return column === null || bin === null ? null : { column, bin };
}
