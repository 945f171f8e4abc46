/** The lines of a chart: a run's or a group's line for each metric and each expression that the chart shows. */
import type { XAxis } from "../api/series";
import type { LineStyle } from "../chart/model";
import { DASHES } from "../chart/palette";
import type { ViewState } from "../url/view_state";
import type { ChartMetric, ShownRun } from "./shown_run";

/** Runs that are drawn as one line. */
export interface ChartGroup {
  id: string;
  name: string;
  runIds: readonly string[];
  style: LineStyle;
}

export interface LineSource {
  /** The run, or the group. */
  id: string;
  /** The metric or the expression. */
  key: string;
  isExpression: boolean;
  /** The runs of the group; null for a line of one run. */
  runIds: readonly string[] | null;
}

export interface ChartLine {
  /** Names the line within its chart. */
  id: string;
  name: string;
  style: LineStyle;
  /** Past the last line that differs from the others: grey. */
  isContext: boolean;
  emphasis: ShownRun["emphasis"];
  source: LineSource;
}

export interface LineChoice {
  metrics: readonly ChartMetric[];
  /** Arithmetic over metrics: `train/loss - "val loss"`. */
  expressions: readonly string[];
  runs: readonly ShownRun[];
  /** What is drawn instead of the single runs; null where these are. */
  groups: readonly ChartGroup[] | null;
}

/** With one metric a line is named and looks as its run; with several the colour is the run's and the dash tells the metric. */
export function chartLines({ metrics, expressions, runs, groups }: LineChoice): ChartLine[] {
  const values = [
    ...metrics.map(({ key }) => ({ key, isExpression: false })),
    ...expressions.map((key) => ({ key, isExpression: true })),
  ];
  const owners = groups
    ? groups.map((group) => ({ ...group, isContext: false, emphasis: "normal" as const }))
    : runs.map((run) => ({ ...run, runIds: null }));
  const hasSeveral = values.length > 1;
  return values.flatMap((value, index) =>
    owners.map((owner) => ({
      id: hasSeveral ? `${index}:${owner.id}` : owner.id,
      name: hasSeveral ? `${owner.name} · ${value.key}` : owner.name,
      style: hasSeveral ? { ...owner.style, dash: [...DASHES[index % DASHES.length]] } : owner.style,
      isContext: owner.isContext,
      emphasis: owner.emphasis,
      source: { id: owner.id, runIds: owner.runIds, ...value },
    })),
  );
}

/** The x axis of a chart: what was chosen for all, else what all of its metrics were defined with, else the step. */
export function axisOf(metrics: readonly ChartMetric[], view: Pick<ViewState, "x">): XAxis {
  if (view.x) return view.x;
  const [first, ...others] = metrics;
  const own = first?.stepMetric ?? "";
  const isShared = others.every((one) => one.stepMetric === own) && metrics.every((one) => one.key !== own);
  return own && isShared ? `metric:${own}` : "step";
}
