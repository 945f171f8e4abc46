/** What a closed section would show: the lines of its first charts, small. */
import { memo, useMemo, useRef } from "react";
import type { Series } from "../api/series";
import type { SeriesQuestion } from "../data/question";
import { isolated } from "../format/isolated";
import { formatValue } from "../format/number";
import { axisOf } from "../panel/chart_lines";
import type { ChartMetric, ShownRun } from "../panel/shown_run";
import { useSeries } from "../panel/use_chart_series";
import { useOnScreen } from "../panel/use_on_screen";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import type { BoardSection } from "./cards";
import styles from "./Sparklines.module.css";

const SPARKLINES_MAX = 12;
const RUNS_MAX = 12;
const BUCKETS = 64;
const WIDTH = 96;
const HEIGHT = 28;

interface SparklinesProps {
  project: string;
  section: BoardSection;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export function Sparklines({ project, section, runs, view, changeView }: SparklinesProps) {
  const lines = section.cards.flatMap((card) => (card.what === "line" ? [card] : []));
  const shown = useMemo(() => runs.slice(0, RUNS_MAX), [runs]);
  return (
    <ul className={styles.list} aria-label={isolated`Charts of ${section.name}, small`}>
      {lines.slice(0, SPARKLINES_MAX).map(({ id, metric, title }) => (
        <li key={id}>
          <button
            type="button"
            className={`quiet ${styles.button}`}
            title={isolated`${metric.key}: show full screen`}
            onClick={() => changeView({ panel: metric.key }, "keep")}
          >
            <Sparkline project={project} metric={metric} runs={shown} view={view} />
            <span className={styles.title}>{title}</span>
          </button>
        </li>
      ))}
      {lines.length > SPARKLINES_MAX && <li className={styles.more}>… {lines.length - SPARKLINES_MAX} more</li>}
    </ul>
  );
}

const runOf = (question: SeriesQuestion): string => question.run;

interface SparklineProps {
  project: string;
  metric: ChartMetric;
  runs: readonly ShownRun[];
  view: ViewState;
}

/** The lines of one metric over all of its x, without axes. */
export const Sparkline = memo(function Sparkline({ project, metric, runs, view }: SparklineProps) {
  const root = useRef<HTMLSpanElement>(null);
  const isOnScreen = useOnScreen(root);
  const axis = axisOf([metric], view);
  const runIds = runs.map((run) => run.id).join("\n");
  const questions = useMemo(
    () =>
      runIds === ""
        ? []
        : runIds.split("\n").map((run) => ({
            project,
            run,
            key: metric.key,
            x: axis,
            buckets: BUCKETS,
            min: null,
            max: null,
            smoothing: null,
          })),
    [project, runIds, metric.key, axis],
  );
  const { held } = useSeries(questions, runOf, axis, isOnScreen);
  const paths = useMemo(() => pathsOf([...held.entries()]), [held]);
  return (
    <span ref={root} className={styles.sparkline}>
      <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
        {runs.toReversed().map(({ id, style }) => {
          const path = paths.get(id);
          return path && <path key={id} d={path} stroke={style.color} strokeDasharray={style.dash.join(" ")} />;
        })}
      </svg>
      <span className="visuallyHidden">{lastWords([...held.values()])}</span>
    </span>
  );
});

function lastWords(all: readonly Series[]): string {
  const last = all[0] && lineOf(all[0]).at(-1);
  return last === undefined ? "no data yet" : `last value ${formatValue(last)}`;
}

const lineOf = (series: Series) => series.columns[series.mode === "points" ? "y" : "last"] ?? new Float64Array();
const xOf = (series: Series) => series.columns[series.mode === "points" ? "x" : "x_last"] ?? new Float64Array();

/** The lines as paths of an SVG, all on one scale: extremes of a bucket are drawn as the stroke that they are. */
function pathsOf(all: readonly (readonly [string, Series])[]): Map<string, string> {
  let [xMin, xMax, yMin, yMax] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [, series] of all) {
    const base = Number(series.xBase);
    for (const x of xOf(series)) {
      if (base + x < xMin) xMin = base + x;
      if (base + x > xMax) xMax = base + x;
    }
    for (const column of series.mode === "points" ? ["y"] : ["min", "max"]) {
      for (const y of series.columns[column] ?? []) {
        if (!Number.isFinite(y)) continue;
        if (y < yMin) yMin = y;
        if (y > yMax) yMax = y;
      }
    }
  }
  const left = (x: number) => (xMax > xMin ? 1 + ((x - xMin) / (xMax - xMin)) * (WIDTH - 2) : WIDTH / 2);
  const top = (y: number) => (yMax > yMin ? HEIGHT - 2 - ((y - yMin) / (yMax - yMin)) * (HEIGHT - 4) : HEIGHT / 2);
  const paths = new Map<string, string>();
  for (const [id, series] of all) {
    const base = Number(series.xBase);
    const xs = xOf(series);
    const lows = series.columns[series.mode === "points" ? "y" : "min"];
    const highs = series.columns[series.mode === "points" ? "y" : "max"];
    let path = "";
    for (let index = 0; index < xs.length; index++) {
      if (!Number.isFinite(lows[index]) || !Number.isFinite(highs[index])) continue;
      const x = left(base + xs[index]).toFixed(1);
      path += `${path ? "L" : "M"}${x} ${top(lows[index]).toFixed(1)}`;
      if (highs[index] !== lows[index]) path += `L${x} ${top(highs[index]).toFixed(1)}`;
    }
    if (path) paths.set(id, path);
  }
  return paths;
}
