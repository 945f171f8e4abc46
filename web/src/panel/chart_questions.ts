/** What a chart asks of the daemon: a question for each of its lines. */
import type { XAxis } from "../api/series";
import type { SeriesQuestion } from "../data/question";
import type { ViewState } from "../url/view_state";
import type { ChartLine } from "./chart_lines";

/** Sizes of answers: a few fixed ones, so that a change of a chart's width seldom asks anything. */
const BUCKET_SIZES = [400, 800, 1600, 3200];
/** Of a grey line among many nobody reads single points. */
const CONTEXT_BUCKETS = 200;

export const bucketsFor = (widthPixels: number): number => BUCKET_SIZES.find((size) => size >= widthPixels) ?? 3200;

export interface Wanted {
  project: string;
  lines: readonly ChartLine[];
  axis: XAxis;
  view: Pick<ViewState, "smoothing" | "zoom" | "line" | "aggregate" | "band">;
  buckets: number;
}

export function questionsOf({ project, lines, axis, view, buckets }: Wanted): SeriesQuestion[] {
  const zoom = view.zoom?.axis === axis ? view.zoom : null;
  return lines.map(({ source, isContext }) => {
    const asked = {
      project,
      run: source.id,
      key: source.key,
      x: axis,
      buckets: isContext ? CONTEXT_BUCKETS : buckets,
      min: zoom?.min ?? null,
      max: zoom?.max ?? null,
      smoothing: view.smoothing,
      // A line goes through one of the two.
      omit: view.line === "mean" ? ["last"] : ["mean"],
      ...(source.isExpression && { isExpression: true }),
    };
    return source.runIds
      ? { ...asked, group: { runIds: source.runIds, aggregate: view.aggregate, band: view.band } }
      : asked;
  });
}
