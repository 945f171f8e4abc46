/** The page of all runs of a project as a table. */
import { useCallback, useMemo, useState } from "react";
import { ApiError } from "../api/http";
import { downloadRuns } from "../api/run_sets";
import { Page } from "../app/Page";
import { useLive } from "../data/use_live";
import { formatCount, plural } from "../format/number";
import { BulkBar } from "../runs/BulkBar";
import { ColumnChooser } from "../runs/ColumnChooser";
import { NAME_COLUMN, originOf } from "../runs/column_names";
import { FILTER_FIELD_ID, FilterField, faultOf } from "../runs/FilterField";
import { GroupChooser } from "../runs/GroupChooser";
import { layOut } from "../runs/group_rows";
import { runSetQuestion } from "../runs/question";
import { askedOf } from "../runs/run_value";
import { useRunActions } from "../runs/use_run_actions";
import { useRunSet } from "../runs/use_run_set";
import { useSelection } from "../runs/use_selection";
import { widthOf } from "../runs/widths";
import { download } from "../table/csv";
import type { RowSpan } from "../table/scroll";
import { matcher } from "../ui/matcher";
import { Notice } from "../ui/Notice";
import { showNotice } from "../ui/notices";
import { Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { projectPath, tablePath } from "../url/route";
import { useView } from "../url/use_view";
import { NoMatch, NoRuns } from "./NoRuns";
import { type GridLook, RunsGrid } from "./RunsGrid";
import styles from "./RunsTable.module.css";
import { useGridActions } from "./use_grid_actions";
import { usePinned } from "./use_pinned";
import { columnsNear, useShownColumns } from "./use_shown_columns";

// What is looked at moves on by steps: a little scrolling asks nothing.
const LOOK_ROWS = 25;
const LOOK_COLUMNS = 16;
const FIRST_LOOK: GridLook = { runs: { first: 0, end: 50 }, columns: { first: 0, end: 32 } };
const CSV_FIRST = ["name", "id"];
const NOTICE_SECONDS = 20;

const stepped = ({ first, end }: RowSpan, step: number): RowSpan => ({
  first: Math.floor(first / step) * step,
  end: Math.ceil(end / step) * step,
});

export default function RunsTable({ project }: { project: string }) {
  const [view, changeView] = useView();
  const live = useLive(project, null);
  const actions = useRunActions(project);
  const [look, setLook] = useState(FIRST_LOOK);
  const [hasChooser, setChooser] = useState(false);
  const { columns, varying, isReady } = useShownColumns(project, view.columns);

  const statistic = STATISTICS.find((one) => one === view.aggregate) ?? "mean";
  const aggregates = useMemo(() => columns.filter((column) => originOf(column) !== "run"), [columns]);
  const question = useMemo(
    () => runSetQuestion(view, aggregates, actions.leaving),
    [view, aggregates, actions.leaving],
  );
  // The same list, however its groups are summed up and whatever is on its way out of it.
  const listKey = useMemo(() => JSON.stringify(runSetQuestion(view, [])), [view]);
  const asked = useMemo(() => askedOf(columns), [columns]);
  const near = columnsNear(asked, look.columns.first, look.columns.end);
  const set = useRunSet(project, question, near, look.runs, isReady);
  const pinned = usePinned(project, view.pinned, near);
  const { totalCount, groups } = set;
  const layout = useMemo(() => layOut(totalCount ?? 0, groups, view.closed), [totalCount, groups, view.closed]);
  const selection = useSelection(project, question);
  const grid = useGridActions({ project, view, changeView, columns, set, layout, selection, actions, question });
  const onLook = useCallback((next: GridLook) => {
    const wanted = { runs: stepped(next.runs, LOOK_ROWS), columns: stepped(next.columns, LOOK_COLUMNS) };
    setLook((before) => (JSON.stringify(before) === JSON.stringify(wanted) ? before : wanted));
  }, []);
  const closeChooser = useCallback(() => setChooser(false), []);
  const leaving = useMemo(() => new Set(actions.leaving), [actions.leaving]);
  const widths = useMemo(() => columns.map((column) => widthOf(column, grid.widths)), [columns, grid.widths]);

  useKeys({ "/": () => document.getElementById(FILTER_FIELD_ID)?.focus() });

  const trail = [
    { label: project, href: projectPath(project) },
    { label: "table", href: tablePath(project) },
  ];
  const isFilterWrong = faultOf(set.error) !== null;
  if (totalCount === null && set.error && !isFilterWrong) {
    return (
      <Page trail={trail} live={live}>
        <Refusal error={set.error} retry={set.retry} />
      </Page>
    );
  }

  const saveCsv = async () => {
    try {
      const rows = { ...question, group_by: [], aggregates: [], with_runs: false, offset: 0, limit: 1 };
      download(await downloadRuns(project, { ...rows, columns: [...CSV_FIRST, ...columns] }), `${project}-runs.csv`);
    } catch (error) {
      showNotice({ words: `No file: ${(error as Error).message}`, isBad: true, seconds: NOTICE_SECONDS });
    }
  };
  const isEmpty = totalCount === 0 && !set.isBusy;
  return (
    <Page trail={trail} live={live} isWide isBusy={totalCount === null && !isFilterWrong}>
      <h1 className="visuallyHidden">Runs of {project}</h1>
      <div className={styles.page}>
        <div className={styles.tools}>
          <FilterField
            project={project}
            filter={view.filter}
            setFilter={(filter) => changeView({ filter })}
            error={set.error}
            shift={actions.leaving.length > 0 ? 1 : 0}
          />
          <input
            type="search"
            className={styles.search}
            placeholder="Name (regex)"
            aria-label="Search runs by regular expression"
            aria-invalid={matcher(view.runs) === null}
            value={view.runs}
            onChange={(event) => changeView({ runs: event.target.value })}
          />
          <GroupChooser
            groupBy={view.groupBy}
            setGroupBy={(groupBy) => changeView({ groupBy }, "keep")}
            config={varying}
          />
          {view.groupBy.length > 0 && (
            <select
              aria-label="Numbers of a group"
              value={statistic}
              onChange={(event) => changeView({ aggregate: event.target.value as typeof statistic }, "keep")}
            >
              {STATISTICS.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          )}
          <label className={styles.option}>
            <input
              type="checkbox"
              checked={view.hasArchived}
              onChange={(event) => changeView({ hasArchived: event.target.checked }, "keep")}
            />
            archived
          </label>
          <span className={styles.columns}>
            <button
              type="button"
              data-opens-columns
              aria-expanded={hasChooser}
              aria-haspopup="dialog"
              onClick={() => setChooser(!hasChooser)}
            >
              Columns
            </button>
            {hasChooser && (
              <ColumnChooser
                project={project}
                filter={isFilterWrong ? "" : view.filter}
                columns={columns}
                setColumns={grid.setColumns}
                isUsual={view.columns === null}
                close={closeChooser}
              />
            )}
          </span>
          <button type="button" title="All matching runs as a file" onClick={() => void saveCsv()}>
            CSV
          </button>
        </div>
        <div className={styles.about}>
          <span role="status" data-testid="runs-count">
            {totalCount !== null && countWords(totalCount, set.projectRunCount, view.filter !== "" || view.runs !== "")}
          </span>
          {set.error && !isFilterWrong && (
            <p className={styles.fault} role="alert">
              {set.error.message}
              {set.error instanceof ApiError && set.error.isUnreachable && ": what is shown is the last that came"}.
            </p>
          )}
        </div>
        {selection.ids.size > 0 && (
          <BulkBar
            project={project}
            selection={selection}
            matchingCount={totalCount ?? 0}
            actions={actions}
            changeView={changeView}
            hasArchived={view.hasArchived}
            onCopy={grid.copySelected}
          />
        )}
        {isEmpty && set.projectRunCount === 0 && <NoRuns project={project} />}
        {isEmpty && set.projectRunCount > 0 && (
          <NoMatch
            hasQuestion={view.filter !== "" || view.runs !== ""}
            isArchiveLeftOut={!view.hasArchived}
            clear={() => changeView({ filter: "", runs: "" }, "keep")}
            showArchived={() => changeView({ hasArchived: true }, "keep")}
          />
        )}
        {!isEmpty && totalCount !== null && (
          <RunsGrid
            project={project}
            view={view}
            set={set}
            layout={layout}
            pinned={pinned}
            columns={columns}
            leadWidth={widthOf(NAME_COLUMN, grid.widths)}
            widths={widths}
            statistic={statistic}
            selected={selection.ids}
            leaving={leaving}
            listKey={listKey}
            editing={grid.editing}
            onEdited={grid.onEdited}
            onLook={onLook}
            onAct={grid.onAct}
            onSort={grid.onSort}
            onWidth={grid.onWidth}
            onMove={grid.onMove}
            keys={grid.keys}
          />
        )}
      </div>
      <Notice />
    </Page>
  );
}

const STATISTICS = ["mean", "min", "max"] as const;

const countWords = (matching: number, all: number, hasQuestion: boolean): string =>
  hasQuestion ? `${formatCount(matching)} of ${plural(all, "run")}` : plural(matching, "run");
