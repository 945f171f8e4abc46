/** The list of runs: what each is called, how it looks, how it goes, and whether it is drawn; in groups where that is asked. */
import { useMemo, useRef, useState } from "react";
import type { RunsAnswer } from "../api/run_sets";
import type { Run } from "../api/types";
import { useRowHeight } from "../app/density";
import { useTheme } from "../app/theme";
import { type Slots, styleOf } from "../chart/styles";
import { formatCount, plural } from "../format/number";
import type { LayoutHandle } from "../layout/use_layout";
import { layOut } from "../runs/group_rows";
import { useWindow } from "../ui/use_window";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { GroupRow } from "./GroupRow";
import { groupId } from "./groups";
import { RunRow } from "./RunRow";
import { RunsControls } from "./RunsControls";
import styles from "./RunsPanel.module.css";

export interface RunsPanelProps {
  project: string;
  list: RunsAnswer;
  /** Why the search or the filter is refused. */
  error: Error | null;
  visible: readonly Run[];
  slots: Slots;
  view: ViewState;
  changeView: ChangeView;
  layout: LayoutHandle;
  loadMore: (() => void) | null;
}

// Its name, and what is said of it below.
const TWO_LINES = 44;
// As much as a group stands within the one around it.
const GROUP_INDENT = 16;

export function RunsPanel(props: RunsPanelProps) {
  const { project, list, error, visible, slots, view, changeView, layout, loadMore } = props;
  const { runs, groups, total_count: totalCount } = list;
  const [isOpen, setOpen] = useState(false);
  const rows = useRef<HTMLUListElement>(null);
  const rowHeight = useRowHeight(TWO_LINES);
  const laidOut = useMemo(() => layOut(runs.length, groups, view.closed), [runs.length, groups, view.closed]);
  const { first, end } = useWindow(rows, laidOut.rowCount, rowHeight, 200);
  const theme = useTheme();
  const drawn = useMemo(() => new Set(visible.map((run) => run.run_id)), [visible]);
  const runningCount = runs.filter((run) => run.state === "running").length;
  const isGrouped = view.groupBy.length > 0;

  const toggle = (id: string) => {
    if (view.only.length > 0 && !isGrouped) changeView({ only: toggled(view.only, id) });
    else changeView({ hidden: toggled(view.hidden, id) });
  };
  const showOnly = (run: string) => {
    const isOnly = view.only.length === 1 && view.only[0] === run;
    changeView({ only: isOnly ? [] : [run], highlight: null }, "keep");
  };
  const isAllDrawn = drawn.size === runs.length && view.hidden.length === 0;

  return (
    <aside className={styles.panel} aria-label="Runs" data-open={isOpen}>
      <header className={styles.header}>
        <button
          type="button"
          className={`quiet ${styles.fold}`}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Runs
        </button>
        <h2>Runs</h2>
        <span className={styles.count}>
          {formatCount(totalCount)}
          {totalCount < list.project_run_count && ` of ${formatCount(list.project_run_count)}`}
          {runningCount > 0 && ` · ${formatCount(runningCount)} running`}
        </span>
        <button
          type="button"
          className="quiet"
          onClick={() =>
            changeView(
              isAllDrawn ? { hidden: runs.map((run) => run.run_id), only: [] } : { hidden: [], only: [] },
              "keep",
            )
          }
        >
          {isAllDrawn ? "Hide all" : "Show all"}
        </button>
      </header>
      <RunsControls project={project} error={error} view={view} changeView={changeView} />
      <div className={styles.scroll}>
        <ul ref={rows} style={{ height: laidOut.rowCount * rowHeight }}>
          {Array.from({ length: end - first }, (_, index) => {
            const position = first + index;
            const row = laidOut.row(position);
            const place = { top: position * rowHeight, height: rowHeight };
            if (row.kind === "group") {
              const id = groupId(row.group.values);
              return (
                <li key={id} style={place}>
                  <GroupRow
                    group={row.group}
                    isOpen={row.isOpen}
                    columns={view.groupBy}
                    style={slots.has(id) ? styleOf(slots.get(id), theme) : null}
                    isDrawn={!view.hidden.includes(id)}
                    toggle={() => toggle(id)}
                    view={view}
                    changeView={changeView}
                  />
                </li>
              );
            }
            const run = runs[row.index];
            if (!run) return null;
            return (
              <li key={run.run_id} style={{ ...place, paddingLeft: GROUP_INDENT * view.groupBy.length }}>
                <RunRow
                  project={project}
                  run={run}
                  style={styleOf(slots.get(run.run_id), theme)}
                  slot={slots.get(run.run_id) ?? null}
                  layout={layout}
                  isInGroup={isGrouped}
                  isDrawn={drawn.has(run.run_id)}
                  isHighlighted={view.highlight === run.run_id}
                  isOnly={view.only.length === 1 && view.only[0] === run.run_id}
                  toggle={() => toggle(run.run_id)}
                  highlight={() => changeView({ highlight: view.highlight === run.run_id ? null : run.run_id })}
                  showOnly={() => showOnly(run.run_id)}
                />
              </li>
            );
          })}
        </ul>
        {runs.length === 0 && list.project_run_count > 0 && (
          <p className={styles.note}>
            No run matches.{" "}
            <button type="button" onClick={() => changeView({ runs: "", filter: "" }, "keep")}>
              Show all runs
            </button>
          </p>
        )}
        {loadMore && (
          <p className={styles.note}>
            The first {formatCount(runs.length)} of {plural(totalCount, "run")}.{" "}
            <button type="button" onClick={loadMore}>
              Load more
            </button>
          </p>
        )}
      </div>
    </aside>
  );
}

const toggled = (ids: readonly string[], id: string): string[] =>
  ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id];
