/** The words under a chart: how true the drawing is to what was logged, and what it leaves out. */
import { isRecordKind } from "../api/records";
import type { Series, XAxis } from "../api/series";
import type { Frame } from "../chart/frame";
import { isolated } from "../format/isolated";
import { formatCount, formatValue, plural } from "../format/number";
import type { ViewState } from "../url/view_state";
import { axisLabel, axisMetric } from "./axis";

export interface Tally {
  drawnCount: number;
  totalCount: number;
  joinedCount: number;
  missingCount: number;
  /** Whether every series is drawn point by point. */
  isExact: boolean;
  /** Series that have something to draw. */
  seriesCount: number;
  /** Series of which no point has a value of the x metric. */
  withoutAxisCount: number;
  /** Series that are the one line of several runs. */
  groupCount: number;
}

export function tally(all: Iterable<Series>): Tally {
  const sum: Tally = {
    drawnCount: 0,
    totalCount: 0,
    joinedCount: 0,
    missingCount: 0,
    isExact: true,
    seriesCount: 0,
    withoutAxisCount: 0,
    groupCount: 0,
  };
  for (const series of all) {
    if (series.count === 0) {
      if (series.missingCount > 0) sum.withoutAxisCount++;
      continue;
    }
    sum.seriesCount++;
    sum.drawnCount += series.count;
    sum.totalCount += series.totalCount;
    sum.joinedCount += series.joinedCount;
    sum.missingCount += series.missingCount;
    if (series.mode === "buckets") sum.isExact = false;
    if (series.mode === "group") sum.groupCount++;
  }
  return sum;
}

export interface Captioned {
  sum: Tally;
  frame: Frame;
  axis: XAxis;
  lineCount: number;
  /** What a line stands for: "run", "group", or "line" where one of these has several. */
  lineWord: string;
  /** How the runs of a group become one line: "mean with range". */
  groupWords: string;
  otherKinds: readonly string[];
}

export function caption({ sum, frame, axis, lineCount, lineWord, groupWords, otherKinds }: Captioned): string {
  const parts: string[] = [];
  if (sum.groupCount > 0) parts.push(`${groupWords} of ${plural(sum.groupCount, "group")}`);
  if (sum.isExact && sum.totalCount === 1) parts.push("only one point");
  else if (sum.groupCount > 0) parts.push(plural(sum.drawnCount, "point"));
  else if (sum.isExact) parts.push(`1:1 · ${plural(sum.totalCount, "point")}`);
  else parts.push(`${plural(sum.totalCount, "point")} → ${plural(sum.drawnCount, "bucket")}`);
  const metric = axisMetric(axis);
  if (metric !== null && sum.joinedCount > 0) parts.push(`${formatCount(sum.joinedCount)} joined`);
  if (metric !== null && sum.missingCount > 0)
    parts.push(isolated`${formatCount(sum.missingCount)} before the first ${metric}`);
  if (metric !== null && sum.withoutAxisCount > 0)
    parts.push(isolated`no ${metric} in ${formatCount(sum.withoutAxisCount)} of ${plural(lineCount, lineWord)}`);
  if (frame.nonfiniteCount > 0) {
    parts.push(
      sum.isExact
        ? `${formatCount(frame.nonfiniteCount)} NaN or ∞`
        : `NaN or ∞ in ${plural(frame.nonfiniteCount, "bucket")}`,
    );
  }
  if (frame.unshownCount > 0) {
    parts.push(
      sum.isExact
        ? `${formatCount(frame.unshownCount)} not above 0, not drawn`
        : `${plural(frame.unshownCount, "bucket")} not wholly above 0`,
    );
  }
  const outside = outsideWords(frame);
  if (outside) parts.push(outside);
  const unheard = lineCount - sum.seriesCount - sum.withoutAxisCount;
  if (unheard > 0) parts.push(`in ${formatCount(lineCount - unheard)} of ${plural(lineCount, lineWord)}`);
  const [shown, undrawn] = [otherKinds.filter(isRecordKind), otherKinds.filter((kind) => !isRecordKind(kind))];
  if (undrawn.length > 0) parts.push(`also logged as ${undrawn.join(" and ")}, not drawn`);
  // Each kind of records has a card of its own in the same section.
  if (shown.length > 0) parts.push(`also logged as ${shown.join(" and ")}`);
  return parts.join(" · ");
}

function outsideWords({ aboveCount, belowCount }: Frame): string {
  const parts: string[] = [];
  if (aboveCount > 0) parts.push(`${formatCount(aboveCount)} above`);
  if (belowCount > 0) parts.push(`${formatCount(belowCount)} below`);
  return parts.length > 0 ? `${parts.join(", ")} the y axis` : "";
}

/** One line that says what the chart shows to who cannot see it. */
export function summary(
  key: string,
  { sum, frame, axis, lineWord }: Pick<Captioned, "sum" | "frame" | "axis" | "lineWord">,
  view: Pick<ViewState, "isLogY">,
  nameOf: (id: string) => string,
): string {
  const parts = [
    isolated`${key} over ${axisLabel(axis)}`,
    plural(sum.seriesCount, lineWord),
    plural(sum.totalCount, "point"),
  ];
  if (Number.isFinite(frame.yMin)) {
    const where = frame.yMinSeries ? isolated` in ${nameOf(frame.yMinSeries)}` : "";
    parts.push(`lowest ${formatValue(frame.yMin)}${where}`, `highest ${formatValue(frame.yMax)}`);
  }
  if (view.isLogY) parts.push("logarithmic");
  return parts.join(", ");
}
