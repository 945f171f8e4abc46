/** What a chart shows as a table: a row for each x, and for each line the columns it is drawn from. */
import type { XAxis } from "../api/series";
import { type ChartModel, type ChartSeries, spanColumns, xColumn, yColumn } from "../chart/model";
import { csvLine } from "../table/csv";
import { axisLabel } from "./axis";

export interface ChartRows {
  /** The name of x, then those of the lines' columns. */
  names: string[];
  rowCount: number;
  /** x counted from the chart's base. */
  xAt: (row: number) => number;
  /** A value of a column behind x, from 0 on; null where the line has no point at this x. */
  valueAt: (row: number, column: number) => number | null;
}

/** One line within the table: which of its points stand in which rows. */
interface PlacedLine {
  first: number;
  rows: Int32Array;
}

/** A line that has several points at one x has a row for each of them. */
export function chartRows(model: ChartModel, axis: XAxis, nameOf: (line: string) => string): ChartRows {
  const shown = model.series.map((series) => ({ series, ...shownPart(series, model.xRange) }));
  const all = new Float64Array(shown.reduce((sum, { end, first }) => sum + end - first, 0));
  let filled = 0;
  for (const { series, first, end } of shown) {
    const xs = xColumn(series);
    for (let index = first; index < end; index++) all[filled++] = xs[index] + series.xOffset;
  }
  const sorted = all.sort();
  let differentCount = 0;
  for (let index = 0; index < sorted.length; index++) {
    if (index === 0 || sorted[index] !== sorted[index - 1]) sorted[differentCount++] = sorted[index];
  }
  const different = sorted.subarray(0, differentCount);

  const counts = new Int32Array(differentCount).fill(1);
  for (const { series, first, end } of shown) {
    eachPlace(series, first, end, different, (_, place, occurrence) => {
      counts[place] = Math.max(counts[place], occurrence + 1);
    });
  }
  const starts = new Int32Array(differentCount + 1);
  for (let place = 0; place < differentCount; place++) starts[place + 1] = starts[place] + counts[place];

  const names = [axisLabel(axis)];
  const columns: { line: PlacedLine; values: Float64Array }[] = [];
  for (const { series, first, end } of shown) {
    const line: PlacedLine = { first, rows: new Int32Array(end - first) };
    eachPlace(series, first, end, different, (index, place, occurrence) => {
      line.rows[index - first] = starts[place] + occurrence;
    });
    for (const [suffix, values] of columnsOf(series, model.line)) {
      names.push(nameOf(series.id) + suffix);
      columns.push({ line, values });
    }
  }
  return {
    names,
    rowCount: starts[differentCount],
    xAt: (row) => different[positionOf(starts, row)],
    valueAt: (row, column) => {
      const { line, values } = columns[column];
      const at = positionOf(line.rows, row);
      return at >= 0 && line.rows[at] === row ? values[line.first + at] : null;
    },
  };
}

function columnsOf(series: ChartSeries, line: ChartModel["line"]): [string, Float64Array][] {
  const { mode, columns } = series;
  const made: [string, Float64Array][] = [["", yColumn(series, line)]];
  if (columns.smoothed) made.push([" (smoothed)", columns.smoothed]);
  if (mode !== "points") {
    const [lows, highs] = spanColumns(series);
    made.push([mode === "group" ? " (low)" : " (min)", lows], [mode === "group" ? " (high)" : " (max)", highs]);
  }
  if (mode === "group" && columns.count) made.push([" (runs)", columns.count]);
  return made;
}

/** The points of a series within a range: x never falls within a series. */
function shownPart(series: ChartSeries, range: [number, number] | null): { first: number; end: number } {
  const xs = xColumn(series) ?? new Float64Array();
  if (!range) return { first: 0, end: xs.length };
  let first = 0;
  while (first < xs.length && xs[first] + series.xOffset < range[0]) first++;
  let end = xs.length;
  while (end > first && xs[end - 1] + series.xOffset > range[1]) end--;
  return { first, end };
}

function eachPlace(
  series: ChartSeries,
  first: number,
  end: number,
  different: Float64Array,
  see: (index: number, place: number, occurrence: number) => void,
): void {
  const xs = xColumn(series);
  let place = 0;
  let occurrence = 0;
  for (let index = first; index < end; index++) {
    const x = xs[index] + series.xOffset;
    occurrence = index > first && xs[index] === xs[index - 1] ? occurrence + 1 : 0;
    while (different[place] < x) place++;
    see(index, place, occurrence);
  }
}

/** The last index whose value is not above `value`; -1 where there is none. */
function positionOf(values: Int32Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** An x with all its digits, on the axis itself. */
export const xText = (xBase: bigint, x: number): string =>
  xBase === 0n || !Number.isInteger(x) ? String(Number(xBase) + x) : (xBase + BigInt(x)).toString();

export function chartCsv(rows: ChartRows, xBase: bigint): Blob {
  const parts = [csvLine(rows.names)];
  for (let row = 0; row < rows.rowCount; row++) {
    const fields = [xText(xBase, rows.xAt(row))];
    for (let column = 0; column < rows.names.length - 1; column++) {
      const value = rows.valueAt(row, column);
      fields.push(value === null ? "" : String(value));
    }
    parts.push(csvLine(fields));
  }
  return new Blob(parts, { type: "text/csv" });
}
