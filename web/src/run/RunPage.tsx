/** The page of a run: what it is, how it went, and its charts. */
import { useMemo } from "react";
import type { RunMetric, WholeRun } from "../api/types";
import { Page } from "../app/Page";
import { useTheme } from "../app/theme";
import { useRun, useRunMetrics } from "../data/queries";
import { useLive } from "../data/use_live";
import { plural } from "../format/number";
import { Charts } from "../panel/Charts";
import { chartMetrics } from "../panel/chart_metrics";
import { Since } from "../ui/Moment";
import { Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { useStable } from "../ui/use_stable";
import { projectPath, runPath } from "../url/route";
import { useView } from "../url/use_view";
import { showRuns } from "../panel/shown_runs";
import { METRIC_SEARCH_ID, Toolbar } from "../panel/Toolbar";
import { metricRules } from "./metric_rules";
import { Overview } from "./Overview";
import styles from "./RunPage.module.css";

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
  useKeys({ "/": () => document.getElementById(METRIC_SEARCH_ID)?.focus() });

  const run = runQuery.data;
  const shown = useStable(run ? showRuns([run], new Map([[run.run_id, ONE_SLOT]]), theme, null) : []);
  const metrics = useStable(run && metricsQuery.data ? listedMetrics(run, metricsQuery.data) : null);
  const metricNames = useMemo(() => metrics?.drawn.map((metric) => metric.key) ?? [], [metrics]);

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
    <Page trail={trail} live={live}>
      <Overview run={run} />
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
    </Page>
  );
}
