/** The page of a run: what it is, how it went, its charts, its machine and what it has printed. */
import { lazy, Suspense, useMemo } from "react";
import type { RunMetric, WholeRun } from "../api/types";
import { Page } from "../app/Page";
import { useTheme } from "../app/theme";
import { useRun, useRunMetrics } from "../data/queries";
import { useLive } from "../data/use_live";
import { plural } from "../format/number";
import { Charts } from "../panel/Charts";
import { type ChartMetrics, chartMetrics } from "../panel/chart_metrics";
import type { ShownRun } from "../panel/shown_run";
import { Since } from "../ui/Moment";
import { Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { useStable } from "../ui/use_stable";
import { CONSOLE_SEARCH_ID } from "../logs/search_id";
import { projectPath, runPath } from "../url/route";
import { type ChangeView, useView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { showRuns } from "../panel/shown_runs";
import { METRIC_SEARCH_ID, Toolbar } from "../panel/Toolbar";
import { metricRules } from "./metric_rules";
import { Overview } from "./Overview";
import { RunHeader } from "./RunHeader";
import styles from "./RunPage.module.css";

const Logs = lazy(() => import("../logs/Logs"));
const System = lazy(() => import("../system/System"));

const ONE_SLOT = 0;

function listedMetrics(run: WholeRun, metrics: readonly RunMetric[]) {
  const ruleOf = metricRules(run.metric_definitions);
  return chartMetrics(
    metrics.map(({ name, kind }) => {
      const rule = ruleOf(name);
      return { name, kind, hidden: rule?.hidden ?? false, step_metric: rule?.step_metric ?? "" };
    }),
  );
}

export function RunPage({ project, runId }: { project: string; runId: string }) {
  const runQuery = useRun(project, runId);
  const metricsQuery = useRunMetrics(project, runId);
  const live = useLive(project, runId);
  const [view, changeView] = useView();
  const theme = useTheme();
  useKeys({
    "/": () => document.getElementById(view.tab === "logs" ? CONSOLE_SEARCH_ID : METRIC_SEARCH_ID)?.focus(),
  });

  const run = runQuery.data;
  const shown = useStable(run ? showRuns([run], new Map([[run.run_id, ONE_SLOT]]), theme, null) : []);
  const metrics = useStable(run && metricsQuery.data ? listedMetrics(run, metricsQuery.data) : null);

  const trail = [
    { label: project, href: projectPath(project) },
    { label: run?.name || runId, href: runPath(project, runId) },
  ];
  const error = runQuery.error ?? metricsQuery.error;
  if (error && !(run && metrics)) {
    const retry = () => {
      void runQuery.refetch();
      void metricsQuery.refetch();
    };
    return (
      <Page trail={trail} live={live}>
        <Refusal error={error} retry={retry} />
      </Page>
    );
  }
  if (!run || !metrics) return <Page trail={trail} live={live} isBusy />;

  return (
    <Page trail={trail} live={live} isWide={view.tab === "logs"}>
      <div className={view.tab === "logs" ? styles.window : undefined}>
        <RunHeader run={run} view={view} changeView={changeView} />
        {view.tab === "overview" && (
          <>
            <Overview run={run} view={view} changeView={changeView} />
            <MetricCharts
              run={run}
              project={project}
              metrics={metrics}
              shown={shown}
              view={view}
              changeView={changeView}
            />
          </>
        )}
        {/* Each of these parts is loaded when it is first opened. */}
        <Suspense fallback={<div className={styles.fallback} aria-busy="true" />}>
          {view.tab === "system" && <System run={run} view={view} changeView={changeView} />}
          {view.tab === "logs" && <Logs run={run} view={view} changeView={changeView} />}
        </Suspense>
      </div>
    </Page>
  );
}

interface MetricChartsProps {
  project: string;
  run: WholeRun;
  metrics: ChartMetrics;
  shown: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

function MetricCharts({ project, run, metrics, shown, view, changeView }: MetricChartsProps) {
  const metricNames = useMemo(() => metrics.drawn.map((metric) => metric.key), [metrics]);
  return (
    <>
      <Toolbar view={view} changeView={changeView} metricNames={metricNames} />
      <div className={styles.charts}>
        {metrics.drawn.length === 0 && metrics.media.length === 0 ? (
          <p className={styles.empty}>
            No data logged yet for run {run.name || run.run_id}
            {run.state === "running" && (
              <>
                {" – waiting since "}
                <Since unixMs={run.create_time_unix_ms} />
              </>
            )}
          </p>
        ) : (
          <Charts
            project={project}
            metrics={metrics.drawn}
            media={metrics.media}
            runs={shown}
            view={view}
            changeView={changeView}
          />
        )}
        {metrics.undrawnCount > 0 && (
          <p className={styles.note}>
            {plural(metrics.undrawnCount, "metric holds", "metrics hold")} no numbers and{" "}
            {metrics.undrawnCount === 1 ? "is" : "are"} not drawn.
          </p>
        )}
      </div>
    </>
  );
}
