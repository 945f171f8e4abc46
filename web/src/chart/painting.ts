/** One drawing as it is sent to the painter: a frame, and how each line of it looks. All of it can be cloned. */
import type { SeriesMode } from "../api/series";
import type { Frame } from "./frame";
import type { ChartModel, ChartSeries, ChartTheme, Columns } from "./model";

export interface Line {
  /** Names the columns, which are sent apart from the painting and only when they changed. */
  id: string;
  mode: SeriesMode;
  xOffset: number;
  color: string;
  dash: number[];
  width: number;
  alpha: number;
  bandAlpha: number;
  hasCasing: boolean;
  hasMarks: boolean;
}

export interface Painting {
  frame: Frame;
  /** Canvas pixels for each CSS pixel. */
  ratio: number;
  theme: ChartTheme;
  line: "last" | "mean";
  /** In the order they are drawn: the first lies lowest. */
  lines: Line[];
}

export interface PaintRequest {
  painting: Painting;
  changed: { id: string; columns: Columns }[];
}

const LINE_WIDTH = 1.5;
const FADED_ALPHA = 0.25;
// The band of a group is what it is drawn for; that of buckets says what the line has left out.
const GROUP_BAND_FACTOR = 1.5;

/** The band between smallest and largest of a bucket, fainter where many bands overlap. */
const bandAlphaFor = (seriesCount: number) => (seriesCount <= 3 ? 0.22 : seriesCount <= 10 ? 0.13 : 0.06);

export function makePainting(model: ChartModel, frame: Frame, ratio: number): Painting {
  const colored = model.series.filter((series) => !series.isContext);
  const bandAlpha = bandAlphaFor(colored.length);
  const depth = (series: ChartSeries) => (series.emphasis === "strong" ? 2 : series.isContext ? 0 : 1);
  // Older runs come last in the list and are drawn first, so that the newest lies on top.
  const ordered = model.series.toReversed().sort((a, b) => depth(a) - depth(b));
  return {
    frame,
    ratio,
    theme: model.theme,
    line: model.line,
    lines: ordered.map((series) => {
      const isStrong = series.emphasis === "strong";
      const alpha = series.emphasis === "faded" ? FADED_ALPHA : series.isContext ? 0.55 : 1;
      return {
        id: series.id,
        mode: series.mode,
        xOffset: series.xOffset,
        color: series.style.color,
        dash: series.style.dash,
        width: isStrong ? LINE_WIDTH + 1 : series.isContext ? 1 : LINE_WIDTH,
        alpha,
        bandAlpha: series.isContext ? 0 : bandAlpha * alpha * (series.mode === "group" ? GROUP_BAND_FACTOR : 1),
        hasCasing: isStrong,
        hasMarks: !series.isContext,
      };
    }),
  };
}
