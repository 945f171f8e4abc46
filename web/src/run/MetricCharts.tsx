/** The metrics or records of one part of a run's page, in sections; or words where there are none. */
import { useMemo } from "react";
import type { WholeRun } from "../api/types";
import { plural } from "../format/number";
import { Charts } from "../panel/Charts";
import type { ChartMetrics } from "../panel/chart_metrics";
import type { ShownRun } from "../panel/shown_run";
import { Toolbar } from "../panel/Toolbar";
import { Since } from "../ui/Moment";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./MetricCharts.module.css";
import { metricsOf, type RecordTab } from "./tab_counts";

interface MetricChartsProps {
  run: WholeRun;
  metrics: ChartMetrics;
  tab: RecordTab;
  shown: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

const NOTHING: Record<RecordTab, { words: string; how: string }> = {
  charts: { words: "No data logged yet for run", how: 'run.log({"loss": 0.3})' },
  media: {
    words: "No images, videos, sounds or other media logged for run",
    how: 'run.log({"sample": trackd.Image(x)})',
  },
  tables: {
    words: "No tables or plots logged for run",
    how: 'run.log({"predictions": trackd.Table(dataframe=frame)})',
  },
};

export function MetricCharts({ run, metrics, tab, shown, view, changeView }: MetricChartsProps) {
  const { drawn, media, undrawnCount } = useMemo(() => metricsOf(metrics, tab), [metrics, tab]);
  const metricNames = useMemo(() => metrics.drawn.map(({ key }) => key), [metrics]);
  const isEmpty = drawn.length === 0 && media.length === 0;
  if (isEmpty) {
    const { words, how } = NOTHING[tab];
    return (
      <div className={styles.empty}>
        <p>
          {words} <bdi>{run.name || run.run_id}</bdi>
          {run.state === "running" && (
            <>
              {" – waiting since "}
              <Since unixMs={run.create_time_unix_ms} />
            </>
          )}
        </p>
        <p>
          <code>{how}</code>
        </p>
        {undrawnCount > 0 && <p>{undrawn(undrawnCount)}</p>}
      </div>
    );
  }
  return (
    <>
      <Toolbar view={view} changeView={changeView} metricNames={metricNames} />
      <div className={styles.charts}>
        <Charts project={run.project} metrics={drawn} media={media} runs={shown} view={view} changeView={changeView} />
        {undrawnCount > 0 && <p className={styles.note}>{undrawn(undrawnCount)}</p>}
      </div>
    </>
  );
}

const undrawn = (count: number): string =>
  `${plural(count, "metric holds", "metrics hold")} no numbers and ${count === 1 ? "is" : "are"} not drawn.`;
