/** What a chart is asked to show: plain data, made by the page, read by `frame.ts`, `painter.ts` and `hit.ts`. */
import type { Measure } from "../format/measure";
import type { Scale } from "./scale";
import type { Unit } from "./ticks";

export type Columns = Record<string, Float64Array | Uint32Array>;

export interface LineStyle {
  color: string;
  /** Lengths of dashes and gaps in pixels; empty for a solid line. */
  dash: number[];
}

export interface ChartSeries {
  /** Names the series within its chart; here the run's id. */
  id: string;
  mode: "points" | "buckets";
  columns: Columns;
  /** What to add to the x columns to come to the chart's own x. */
  xOffset: number;
  pointsPerBucket: number;
  style: LineStyle;
  /** A grey line among many: drawn first, without band and marks. */
  isContext: boolean;
  emphasis: "normal" | "faded" | "strong";
}

export interface ChartTheme {
  ground: string;
  ink: string;
  muted: string;
  grid: string;
  axis: string;
}

export interface ChartModel {
  series: ChartSeries[];
  xKind: Scale["kind"];
  yKind: Scale["kind"];
  /** What y is measured in; plain numbers where it is left out. */
  measure?: Measure;
  /** Values that y reaches to at least, with no room beyond them while no point lies there. */
  yBounds?: { min?: number; max?: number };
  xUnit: Unit;
  /** The integer that all x of this chart count from. */
  xBase: bigint;
  /** The part of x to show, counted from `xBase`; null for all of it. */
  xRange: [number, number] | null;
  /** Which value of a bucket the line goes through. */
  line: "last" | "mean";
  theme: ChartTheme;
}

/** The x of a series' points; for buckets their last point's. */
export const xColumn = (series: Pick<ChartSeries, "mode" | "columns">) =>
  series.columns[series.mode === "points" ? "x" : "x_last"] as Float64Array;

/** The y that the line of a series goes through. */
export const yColumn = (series: Pick<ChartSeries, "mode" | "columns">, line: "last" | "mean") =>
  series.columns[series.mode === "points" ? "y" : line] as Float64Array;
