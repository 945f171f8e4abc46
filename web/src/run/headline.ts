/** Which few metrics stand for a run at a glance, and the line and the bounds that are said of each. */
import type { Series } from "../api/series";
import type { MetricDefinition } from "../api/types";
import { metricRules } from "./metric_rules";

/** More than these nobody takes in at a glance; the charts are one press away. */
export const HEADLINES_MAX = 8;

// What a person looks at first where the run itself has not said it: losses and scores before rates, validation before training.
const WEIGHTS: readonly [RegExp, number][] = [
  [/(^|[/_.])(val|valid|validation|eval|test)([/_.]|$)/i, 2],
  [/loss|perplexity|error/i, 3],
  [/acc|f1|auc|score|reward|bleu|iou|return/i, 3],
  [/epoch|step|time|memory|second|lr$|learning_rate|norm/i, -4],
];
const DEFINED_WEIGHT = 10;

const weightOf = (name: string): number =>
  WEIGHTS.reduce((sum, [pattern, weight]) => sum + (pattern.test(name) ? weight : 0), 0);

/** @param drawn the metrics that are drawn as lines, in the order of the charts. */
export function headlines(drawn: readonly string[], definitions: readonly MetricDefinition[]): string[] {
  const ruleOf = metricRules(definitions);
  const isDefined = (name: string) => {
    const rule = ruleOf(name);
    return rule !== undefined && (Boolean(rule.goal) || rule.summary.length > 0);
  };
  return drawn
    .map((name, place) => ({ name, place, weight: weightOf(name) + (isDefined(name) ? DEFINED_WEIGHT : 0) }))
    .sort((a, b) => b.weight - a.weight || a.place - b.place)
    .slice(0, HEADLINES_MAX)
    .map(({ name }) => name);
}

export interface Glance {
  last: number;
  min: number;
  max: number;
  /** An SVG path over `width` by `height`; empty where there is no line. */
  path: string;
}

const column = (series: Series, name: string): ArrayLike<number> => series.columns[name] ?? [];

/** Buckets hold the least and the greatest of all their points, so the bounds are those of the whole series. */
export function glanceOf(series: Series, width: number, height: number): Glance | null {
  if (series.count === 0) return null;
  const isPoints = series.mode === "points";
  const x = column(series, isPoints ? "x" : "x_last");
  const y = column(series, isPoints ? "y" : "last");
  const min = least(column(series, isPoints ? "y" : "min"));
  const max = -least(Array.from(column(series, isPoints ? "y" : "max"), (value) => -value));
  const last = y[series.count - 1];
  if (!Number.isFinite(min) || series.count < 2) return { last, min: last, max: last, path: "" };
  const spanX = x[series.count - 1] - x[0] || 1;
  const spanY = max - min || 1;
  let path = "";
  let isDown = false;
  for (let index = 0; index < series.count; index++) {
    // A value that is none is a gap of the line.
    if (!Number.isFinite(y[index])) {
      isDown = false;
      continue;
    }
    const px = ((x[index] - x[0]) / spanX) * width;
    const py = height - ((y[index] - min) / spanY) * height;
    path += `${isDown ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
    isDown = true;
  }
  return { last, min, max, path };
}

function least(values: ArrayLike<number>): number {
  let found = Infinity;
  for (let index = 0; index < values.length; index++) if (values[index] < found) found = values[index];
  return found;
}
