/** The series of the lines of one system chart, over the part of the axis that is zoomed to. */
import { useMemo } from "react";
import type { XAxis } from "../api/series";
import type { SeriesQuestion } from "../data/question";
import { type ChartSeriesState, useSeries } from "../panel/use_chart_series";
import type { Zoom } from "../url/view_state";
import type { SystemChart } from "./charts";

const keyOf = (question: SeriesQuestion): string => question.key;

export function useSystemSeries(
  project: string,
  run: string,
  chart: SystemChart,
  axis: XAxis,
  zoom: Zoom | null,
  buckets: number,
  isActive: boolean,
): ChartSeriesState {
  const questions = useMemo(() => {
    const range = zoom?.axis === axis ? zoom : null;
    return chart.lines.map(({ key }): SeriesQuestion => ({
      project,
      run,
      key,
      x: axis,
      buckets,
      min: range?.min ?? null,
      max: range?.max ?? null,
      smoothing: null,
    }));
  }, [project, run, chart, axis, zoom, buckets]);
  return useSeries(questions, keyOf, axis, isActive);
}
