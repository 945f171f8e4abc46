/** What a chart is asked to show: plain data, made by the page, read by `frame.ts`, `painter.ts` and `hit.ts`. */
import type { SeriesMode } from "../api/series";
import type { Measure } from "../format/measure";
import type { Clip } from "../url/view_state";
import type { Scale } from "./scale";
import type { Unit } from "./ticks";

export type Columns = Record<string, Float64Array>;

export interface LineStyle {
  color: string;
  /** Lengths of dashes and gaps in pixels; empty for a solid line. */
  dash: number[];
}

/** Ends of the y axis that a person has typed; null where the values decide. */
export type YRange = readonly [number | null, number | null];

export interface ChartSeries {
  /** Names the series within its chart: a run's id, where each run has one line. */
  id: string;
  mode: SeriesMode;
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
  /** All of the values where it is left out. */
  clip?: Clip;
  /** Stands above `clip` and `yBounds`. */
  yRange?: YRange;
  /** Whether a linear y axis reaches to 0 whatever the values. */
  hasZero?: boolean;
  xUnit: Unit;
  /** The integer that all x of this chart count from. */
  xBase: bigint;
  /** The part of x to show, counted from `xBase`; null for all of it. */
  xRange: [number, number] | null;
  /** What there is of x at all, counted from `xBase`; null where it is not known. Moving and zooming out end there. */
  xWhole?: [number, number] | null;
  /** Which value of a bucket the line goes through. */
  line: "last" | "mean";
  theme: ChartTheme;
}

/** The x of a series' points; for buckets their last point's. */
export const xColumn = (series: Pick<ChartSeries, "mode" | "columns">) =>
  series.columns[series.mode === "buckets" ? "x_last" : "x"] as Float64Array;

/** The y that the line of a series goes through. */
export const yColumn = (series: Pick<ChartSeries, "mode" | "columns">, line: "last" | "mean") =>
  series.columns[series.mode === "buckets" ? line : "y"] as Float64Array;

/** What a point stands for, from the smallest to the largest: all of a bucket, the band of a group, or the point itself. */
export function spanColumns({ mode, columns }: Pick<ChartSeries, "mode" | "columns">): [Float64Array, Float64Array] {
  if (mode === "buckets") return [columns.min as Float64Array, columns.max as Float64Array];
  if (mode === "group") return [columns.low as Float64Array, columns.high as Float64Array];
  return [columns.y as Float64Array, columns.y as Float64Array];
}
