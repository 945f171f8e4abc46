/** Makes what a chart shows from the series it holds and the runs that are visible. */
import type { Series, XAxis } from "../api/series";
import type { ChartModel, YRange } from "../chart/model";
import { CHART_THEME, type ThemeName } from "../chart/palette";
import type { ViewState } from "../url/view_state";
import { axisUnit } from "./axis";
import type { ShownRun } from "./shown_run";

export type HeldSeries = ReadonlyMap<string, Series>;

function smallest(values: readonly bigint[]): bigint {
  let least = values[0];
  for (const value of values) if (value < least) least = value;
  return least;
}

/** How a line looks, and what names its series. */
export type ShownLine = Pick<ShownRun, "id" | "style" | "isContext" | "emphasis">;

/** What a chart is drawn by of all that a person has chosen. */
export type DrawnView = Pick<ViewState, "zoom" | "isLogX" | "isLogY" | "line" | "clip">;

/** What a panel says of its y axis. */
export interface PanelScale {
  yRange?: YRange;
  hasZero?: boolean;
}

export function makeModel(
  lines: readonly ShownLine[],
  held: HeldSeries,
  axis: XAxis,
  view: DrawnView,
  theme: ThemeName,
  { yRange, hasZero }: PanelScale = {},
): ChartModel {
  const drawn = lines.flatMap((shown) => {
    const series = held.get(shown.id);
    return series && series.count > 0 ? [{ shown, series, base: BigInt(series.xBase) }] : [];
  });
  const xBase = drawn.length > 0 ? smallest(drawn.map((one) => one.base)) : 0n;
  const unit = axisUnit(axis);
  const zoom = view.zoom?.axis === axis ? view.zoom : null;
  return {
    series: drawn.map(({ shown, series, base }) => ({
      id: shown.id,
      mode: series.mode,
      columns: series.columns,
      xOffset: Number(base - xBase),
      pointsPerBucket: series.pointsPerBucket,
      style: shown.style,
      isContext: shown.isContext,
      emphasis: shown.emphasis,
    })),
    // Moments are not logarithms of anything: a log axis of them would say nothing.
    xKind: view.isLogX && unit !== "moment" ? "log" : "linear",
    yKind: view.isLogY ? "log" : "linear",
    xUnit: unit,
    xBase,
    clip: view.clip,
    yRange,
    hasZero,
    xWhole: wholeOf(
      drawn.map(({ series }) => series),
      xBase,
    ),
    xRange: zoom && [zoom.min - Number(xBase), zoom.max - Number(xBase)],
    line: view.line,
    theme: CHART_THEME[theme],
  };
}

/** From the first x of any series to the last, counted from `xBase`. */
function wholeOf(all: readonly Series[], xBase: bigint): [number, number] | null {
  let [first, last] = [Infinity, -Infinity];
  for (const { xExtent } of all) {
    if (!xExtent) continue;
    first = Math.min(first, xExtent[0]);
    last = Math.max(last, xExtent[1]);
  }
  return first < last ? [first - Number(xBase), last - Number(xBase)] : null;
}
