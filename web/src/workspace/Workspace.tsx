/** The page of a project: its runs on the left, their charts on the right. */
import { useMemo, useState } from "react";
import { Page } from "../app/Page";
import { useTheme } from "../app/theme";
import { useProjectMetrics } from "../data/queries";
import { useRunList } from "../data/run_list";
import { useLive } from "../data/use_live";
import { plural } from "../format/number";
import { useLayout } from "../layout/use_layout";
import { Charts } from "../panel/Charts";
import { chartMetrics } from "../panel/chart_metrics";
import { colorOrder, showRuns, visibleRuns } from "../panel/shown_runs";
import { METRIC_SEARCH_ID, Toolbar } from "../panel/Toolbar";
import { runSetQuestion } from "../runs/question";
import { Since } from "../ui/Moment";
import { Refusal } from "../ui/Problem";
import { THIS_PAGE } from "../ui/keys";
import { useKeys } from "../ui/use_keys";
import { useStable } from "../ui/use_stable";
import { useActions } from "../palette/actions";
import { sectionOf } from "../panel/sections";
import { projectPath } from "../url/route";
import { useView } from "../url/use_view";
import { focusRun } from "./focus_run";
import { chartGroups, groupId, visibleGroups } from "./groups";
import { RunsPanel } from "./RunsPanel";
import { useSlots } from "./use_slots";
import { ViewMenu } from "./ViewMenu";
import styles from "./Workspace.module.css";

// How many runs are loaded at first; each "Load more" doubles it.
const RUNS_PAGE = 1000;
// The API's own limit of a list.
const RUNS_MAX = 10_000;

export function Workspace({ project }: { project: string }) {
  const [limit, setLimit] = useState(RUNS_PAGE);
  const [view, changeView] = useView();
  const question = useStable({ ...runSetQuestion(view, []), columns: [], offset: 0, limit });
  const { list, error: listError, retry } = useRunList(project, question);
  const metricsQuery = useProjectMetrics(project);
  const live = useLive(project, null);
  const layout = useLayout(project, view, changeView);
  const theme = useTheme();

  const {
    drawn: metrics,
    media,
    undrawnCount,
  } = useMemo(() => chartMetrics(metricsQuery.data ?? []), [metricsQuery.data]);
  const metricNames = useMemo(() => metrics.map((metric) => metric.key), [metrics]);

  useKeys({
    "/": () => document.getElementById(METRIC_SEARCH_ID)?.focus(),
    j: () => focusRun(1),
    k: () => focusRun(-1),
    "mod+z": {
      words: "undo the last change of the view",
      group: THIS_PAGE,
      isOfText: true,
      run: () => layout.undo?.(),
    },
    "mod+shift+z": {
      words: "redo the change that was undone",
      group: THIS_PAGE,
      isOfText: true,
      run: () => layout.redo?.(),
    },
  });
  useActions([
    { id: "show-all", title: "Show all runs", run: () => changeView({ hidden: [], only: [] }, "keep") },
    {
      id: "hide-all",
      title: "Hide all runs",
      run: () => changeView({ hidden: (list?.runs ?? []).map((run) => run.run_id), only: [] }, "keep"),
    },
    {
      id: "fold-all",
      title: "Fold all sections",
      run: () => changeView({ closed: [...new Set(metricNames.map((name) => sectionOf(name, view.sections)))] }),
    },
    { id: "unfold-all", title: "Unfold all sections", run: () => changeView({ closed: [] }) },
  ]);

  const runs = list?.runs;
  const visible = useMemo(() => visibleRuns(runs ?? [], view), [runs, view]);
  const drawn = useMemo(() => visible.map((run) => run.run_id), [visible]);
  const groups = useStable(
    useMemo(
      () =>
        view.groupBy.length === 0
          ? null
          : visibleGroups(
              list?.groups ?? [],
              view.groupBy.length,
              view.hidden,
              new Set(visible.map((run) => run.run_id)),
            ),
      [list?.groups, view.groupBy, view.hidden, visible],
    ),
  );
  const slots = useSlots(
    useMemo(() => (groups ? groups.map((group) => groupId(group.values)) : colorOrder(visible)), [groups, visible]),
    layout.layout.slots,
  );
  const shown = useStable(
    useMemo(() => {
      const groupOf = new Map(groups?.flatMap(({ values, run_ids: ids }) => ids.map((id) => [id, groupId(values)])));
      return showRuns(visible, slots, theme, view.highlight, (run) => groupOf.get(run) ?? run);
    }, [visible, groups, slots, theme, view.highlight]),
  );
  const lines = useMemo(
    () => groups && chartGroups(groups, view.groupBy, slots, theme),
    [groups, view.groupBy, slots, theme],
  );
  const hasCards = metrics.length > 0 || media.length > 0 || layout.layout.added.length > 0;

  const error = (list ? null : listError) ?? (metricsQuery.data ? null : metricsQuery.error);
  const trail = [{ label: project, href: projectPath(project) }];
  if (error) {
    const again = () => {
      retry();
      void metricsQuery.refetch();
    };
    return (
      <Page trail={trail} live={live}>
        <Refusal error={error} retry={again} />
      </Page>
    );
  }
  if (!list || !runs || !metricsQuery.data) return <Page trail={trail} live={live} isBusy />;

  const canLoad = list.total_count > runs.length && limit < RUNS_MAX;
  return (
    <Page trail={trail} live={live} isWide drawn={drawn}>
      <h1 className="visuallyHidden">{project}</h1>
      <RunsPanel
        project={project}
        list={list}
        error={listError}
        visible={visible}
        slots={slots}
        view={view}
        changeView={changeView}
        layout={layout}
        loadMore={canLoad ? () => setLimit(Math.min(limit * 2, RUNS_MAX)) : null}
      />
      <div className={styles.main}>
        <Toolbar view={view} changeView={changeView} metricNames={metricNames}>
          <ViewMenu project={project} open={view.view} layout={layout} />
        </Toolbar>
        <div className={styles.charts} data-board-scroll>
          {layout.problem && (
            <p className={styles.problem} role="status">
              {layout.problem}
            </p>
          )}
          {list.project_run_count === 0 && <p className={styles.empty}>No run in this project yet.</p>}
          {runs.length > 0 && !hasCards && (
            <p className={styles.empty}>
              No data logged yet for{" "}
              {runs.length === 1 ? (
                <>
                  run <bdi>{runs[0].name || runs[0].run_id}</bdi>
                </>
              ) : (
                `any of the ${plural(runs.length, "run")}`
              )}
              {" – waiting since "}
              <Since unixMs={runs[0].create_time_unix_ms} />
            </p>
          )}
          {hasCards && shown.length === 0 && list.project_run_count > 0 && (
            <p className={styles.empty}>
              {runs.length === 0 ? "No run matches the search and the filter. " : "All runs are hidden. "}
              <button type="button" onClick={() => changeView({ runs: "", filter: "", hidden: [], only: [] }, "keep")}>
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
              groups={lines}
              view={view}
              changeView={changeView}
              layout={layout}
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
