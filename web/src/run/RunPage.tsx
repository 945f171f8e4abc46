/** The page of a run: its parts, of which one is shown, and what they share. */
import type { RunMetric, WholeRun } from "../api/types";
import { Page } from "../app/Page";
import { useTheme } from "../app/theme";
import { useRun, useRunMetrics } from "../data/queries";
import { useLive } from "../data/use_live";
import { FILE_SEARCH_ID } from "../files/search_id";
import { CONSOLE_SEARCH_ID } from "../logs/search_id";
import { chartMetrics } from "../panel/chart_metrics";
import { showRuns } from "../panel/shown_runs";
import { METRIC_SEARCH_ID } from "../panel/Toolbar";
import { Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { lazyPart, usePreload } from "../ui/lazy_part";
import { useStable } from "../ui/use_stable";
import { projectPath, runPath } from "../url/route";
import { useView } from "../url/use_view";
import type { Tab } from "../url/view_state";
import { metricRules } from "./metric_rules";
import { MetricCharts } from "./MetricCharts";
import { RunHeader } from "./RunHeader";
import styles from "./RunPage.module.css";
import { tabCounts } from "./tab_counts";

const waiting = () => <div className={styles.waiting} aria-busy="true" />;
const Overview = lazyPart(() => import("./Overview"), waiting);
const Health = lazyPart(() => import("./Health"), waiting);
const Logs = lazyPart(() => import("../logs/Logs"), waiting);
const Ranks = lazyPart(() => import("../ranks/Ranks"), waiting);
const System = lazyPart(() => import("../system/System"), waiting);
const Files = lazyPart(() => import("../files/Files"), waiting);

const PARTS = [Overview, Health, Logs, System, Files, Ranks];

const ONE_SLOT = 0;

/** Parts that are as large as the window and scroll on their own. */
const WINDOWS: readonly Tab[] = ["logs", "files"];
const SEARCH_IDS: Partial<Record<Tab, string>> = { logs: CONSOLE_SEARCH_ID, files: FILE_SEARCH_ID };

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
  const { tab } = view;
  useKeys({ "/": () => document.getElementById(SEARCH_IDS[tab] ?? METRIC_SEARCH_ID)?.focus() });

  const run = runQuery.data;
  usePreload(PARTS, run ? 0 : null);
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

  const isWindow = WINDOWS.includes(tab);
  const part = () => {
    switch (tab) {
      case "overview":
        return <Overview run={run} drawn={metrics.drawn} view={view} changeView={changeView} />;
      case "charts":
      case "media":
      case "tables":
        return (
          <MetricCharts
            // Another part is another list, which begins at its top.
            key={tab}
            run={run}
            metrics={metrics}
            tab={tab}
            shown={shown}
            view={view}
            changeView={changeView}
          />
        );
      case "system":
        return <System run={run} view={view} changeView={changeView} />;
      case "ranks":
        return <Ranks run={run} view={view} changeView={changeView} />;
      case "logs":
        return <Logs run={run} view={view} changeView={changeView} />;
      case "files":
        return <Files run={run} view={view} changeView={changeView} />;
      case "health":
        return <Health run={run} />;
    }
  };
  return (
    <Page trail={trail} live={live} isWide={isWindow}>
      <div className={isWindow ? styles.window : undefined}>
        <RunHeader run={run} view={view} counts={tabCounts(run, metrics)} />
        {part()}
      </div>
    </Page>
  );
}
