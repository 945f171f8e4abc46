/** The page of a project: its runs on the left, their charts on the right. */
import { useMemo, useState } from "react";
import { Page } from "../app/Page";
import { useTheme } from "../app/theme";
import { useProjectMetrics, useRuns } from "../data/queries";
import { useLive } from "../data/use_live";
import { plural } from "../format/number";
import { Charts } from "../panel/Charts";
import { chartMetrics } from "../panel/chart_metrics";
import { Since } from "../ui/Moment";
import { Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { useStable } from "../ui/use_stable";
import { projectPath } from "../url/route";
import { useView } from "../url/use_view";
import { focusRun } from "./focus_run";
import { RunsPanel } from "./RunsPanel";
import { chooseRuns, colorOrder, showRuns } from "../panel/shown_runs";
import { METRIC_SEARCH_ID, Toolbar } from "../panel/Toolbar";
import { useSlots } from "./use_slots";
import styles from "./Workspace.module.css";

// How many runs are loaded at first and with each "Load more".
const RUNS_PAGE = 500;
// The API's own limit of a list.
const RUNS_MAX = 10_000;

export function Workspace({ project }: { project: string }) {
  const [limit, setLimit] = useState(RUNS_PAGE);
  const runsQuery = useRuns(project, limit);
  const metricsQuery = useProjectMetrics(project);
  const live = useLive(project, null);
  const [view, changeView] = useView();
  const theme = useTheme();

  useKeys({
    "/": () => document.getElementById(METRIC_SEARCH_ID)?.focus(),
    j: () => focusRun(1),
    k: () => focusRun(-1),
  });

  const runs = runsQuery.data?.runs;
  const { listed, visible } = useMemo(() => chooseRuns(runs ?? [], view), [runs, view]);
  const slots = useSlots(useMemo(() => colorOrder(visible), [visible]));
  const shown = useStable(
    useMemo(() => showRuns(visible, slots, theme, view.highlight), [visible, slots, theme, view.highlight]),
  );
  const {
    drawn: metrics,
    media,
    undrawnCount,
  } = useMemo(() => chartMetrics(metricsQuery.data ?? []), [metricsQuery.data]);
  const hasCards = metrics.length > 0 || media.length > 0;
  const metricNames = useMemo(() => metrics.map((metric) => metric.key), [metrics]);

  const error = runsQuery.error ?? metricsQuery.error;
  const trail = [{ label: project, href: projectPath(project) }];
  if (error && !(runs && metricsQuery.data)) {
    const retry = () => {
      void runsQuery.refetch();
      void metricsQuery.refetch();
    };
    return (
      <Page trail={trail} live={live}>
        <Refusal error={error} retry={retry} />
      </Page>
    );
  }
  if (!runs || !runsQuery.data || !metricsQuery.data) return <Page trail={trail} live={live} isBusy />;

  const totalCount = runsQuery.data.total_count;
  const loadMore = totalCount > runs.length && limit < RUNS_MAX ? () => setLimit(Math.min(limit * 2, RUNS_MAX)) : null;
  return (
    <Page trail={trail} live={live} isWide>
      <h1 className="visuallyHidden">{project}</h1>
      <RunsPanel
        project={project}
        runs={runs}
        listed={listed}
        visible={visible}
        totalCount={totalCount}
        slots={slots}
        view={view}
        changeView={changeView}
        loadMore={loadMore}
      />
      <div className={styles.main}>
        <Toolbar view={view} changeView={changeView} metricNames={metricNames} />
        <div className={styles.charts}>
          {runs.length === 0 && <p className={styles.empty}>No run in this project yet.</p>}
          {runs.length > 0 && !hasCards && (
            <p className={styles.empty}>
              {runs.length === 1
                ? `No data logged yet for run ${runs[0].name || runs[0].run_id} – waiting since `
                : `No data logged yet for any of the ${plural(runs.length, "run")} – waiting since `}
              <Since unixMs={runs[0].create_time_unix_ms} />
            </p>
          )}
          {hasCards && shown.length === 0 && runs.length > 0 && (
            <p className={styles.empty}>
              {listed.length === 0 ? `No run matches “${view.runs}”. ` : "All runs are hidden. "}
              <button type="button" onClick={() => changeView({ runs: "", hidden: [], only: [] }, "keep")}>
                Show all runs
              </button>
            </p>
          )}
          {hasCards && shown.length > 0 && (
            <Charts
              project={project}
              metrics={metrics}
              media={media}
              runs={shown}
              view={view}
              changeView={changeView}
            />
          )}
          {undrawnCount > 0 && (
            <p className={styles.note}>
              {plural(undrawnCount, "metric holds", "metrics hold")} no numbers and {undrawnCount === 1 ? "is" : "are"}{" "}
              not drawn.
            </p>
          )}
        </div>
      </div>
    </Page>
  );
}
