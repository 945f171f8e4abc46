/** The few metrics that stand for a run: the last value, the bounds and a small line of each. */
import { useMemo } from "react";
import type { MetricDefinition } from "../api/types";
import type { SeriesQuestion } from "../data/question";
import { isolated } from "../format/isolated";
import { formatExact, formatValue } from "../format/number";
import type { ChartMetric } from "../panel/shown_run";
import { useSeries } from "../panel/use_chart_series";
import { Link } from "../ui/Link";
import { useStable } from "../ui/use_stable";
import { formatView, type ViewState } from "../url/view_state";
import { glanceOf, headlines } from "./headline";
import styles from "./Headlines.module.css";

interface HeadlinesProps {
  project: string;
  run: string;
  drawn: readonly ChartMetric[];
  definitions: readonly MetricDefinition[];
  view: ViewState;
}

const WIDTH = 140;
const HEIGHT = 28;
const BUCKETS = 70;

const keyOf = (question: SeriesQuestion): string => question.key;

export function Headlines({ project, run, drawn, definitions, view }: HeadlinesProps) {
  const keys = useStable(
    headlines(
      drawn.map(({ key }) => key),
      definitions,
    ),
  );
  const questions = useMemo(
    () =>
      keys.map((key): SeriesQuestion => ({
        project,
        run,
        key,
        x: "step",
        buckets: BUCKETS,
        min: null,
        max: null,
        smoothing: null,
      })),
    [project, run, keys],
  );
  const { held } = useSeries(questions, keyOf, "step", true);
  if (keys.length === 0) return null;
  const rest = drawn.length - keys.length;
  return (
    <section className={styles.headlines} aria-label="Metrics at a glance">
      <ul>
        {keys.map((key) => {
          const series = held.get(key);
          const glance = series ? glanceOf(series, WIDTH, HEIGHT) : null;
          return (
            <li key={key}>
              <Link href={chartAddress(view, { panel: key })} title={isolated`${key}: open the chart`}>
                <span className={styles.name}>{key}</span>
                <span className={styles.value} title={glance ? formatExact(glance.last) : undefined}>
                  {glance ? formatValue(glance.last) : "–"}
                </span>
                <svg width={WIDTH} height={HEIGHT} viewBox={`0 -1 ${WIDTH} ${HEIGHT + 2}`} aria-hidden="true">
                  {glance?.path && <path d={glance.path} />}
                </svg>
                <span className={styles.bounds}>
                  {glance ? `min ${formatValue(glance.min)} · max ${formatValue(glance.max)}` : ""}
                </span>
              </Link>
            </li>
          );
        })}
      </ul>
      {rest > 0 && <Link href={chartAddress(view, {})}>All {drawn.length} charts</Link>}
    </section>
  );
}

function chartAddress(view: ViewState, change: Partial<ViewState>): string {
  return `${location.pathname}?${formatView({ ...view, ...change, tab: "charts" })}`;
}
