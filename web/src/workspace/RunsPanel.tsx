/** The list of runs: what each is called, how it looks, how it goes, and whether it is drawn. */
import { useRef, useState } from "react";
import type { Run } from "../api/types";
import { useTheme } from "../app/theme";
import { type Slots, styleOf } from "../chart/styles";
import { formatCount, plural } from "../format/number";
import { useWindow } from "../ui/use_window";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { RunRow } from "./RunRow";
import styles from "./RunsPanel.module.css";
import { matcher } from "../ui/matcher";

interface RunsPanelProps {
  project: string;
  runs: readonly Run[];
  listed: readonly Run[];
  visible: readonly Run[];
  totalCount: number;
  slots: Slots;
  view: ViewState;
  changeView: ChangeView;
  loadMore: (() => void) | null;
}

const ROW_HEIGHT = matchMedia("(pointer: coarse)").matches ? 52 : 44;

export function RunsPanel(props: RunsPanelProps) {
  const { project, runs, listed, visible, totalCount, slots, view, changeView, loadMore } = props;
  const [isOpen, setOpen] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  const { first, end } = useWindow(list, listed.length, ROW_HEIGHT, 200);
  const theme = useTheme();
  const drawn = new Set(visible.map((run) => run.run_id));
  const runningCount = runs.filter((run) => run.state === "running").length;

  const toggle = (run: string) => {
    if (view.only.length > 0) {
      const only = view.only.includes(run) ? view.only.filter((one) => one !== run) : [...view.only, run];
      changeView({ only });
    } else {
      const hidden = view.hidden.includes(run) ? view.hidden.filter((one) => one !== run) : [...view.hidden, run];
      changeView({ hidden });
    }
  };
  const showOnly = (run: string) => {
    const isOnly = view.only.length === 1 && view.only[0] === run;
    changeView({ only: isOnly ? [] : [run], highlight: null }, "keep");
  };

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
          {runningCount > 0 && ` · ${formatCount(runningCount)} running`}
        </span>
        {drawn.size < listed.length ? (
          <button type="button" className="quiet" onClick={() => changeView({ hidden: [], only: [] }, "keep")}>
            Show all
          </button>
        ) : (
          <button
            type="button"
            className="quiet"
            onClick={() => changeView({ hidden: listed.map((run) => run.run_id), only: [] }, "keep")}
          >
            Hide all
          </button>
        )}
      </header>
      <div className={styles.search}>
        <input
          type="search"
          placeholder="Search runs (regex)"
          aria-label="Search runs by regular expression"
          aria-invalid={matcher(view.runs) === null}
          value={view.runs}
          onChange={(event) => changeView({ runs: event.target.value })}
        />
      </div>
      <div className={styles.scroll}>
        <ul ref={list} style={{ height: listed.length * ROW_HEIGHT }}>
          {listed.slice(first, end).map((run, index) => (
            <li key={run.run_id} style={{ top: (first + index) * ROW_HEIGHT, height: ROW_HEIGHT }}>
              <RunRow
                project={project}
                run={run}
                style={styleOf(slots.get(run.run_id), theme)}
                isDrawn={drawn.has(run.run_id)}
                isHighlighted={view.highlight === run.run_id}
                isOnly={view.only.length === 1 && view.only[0] === run.run_id}
                toggle={() => toggle(run.run_id)}
                highlight={() => changeView({ highlight: view.highlight === run.run_id ? null : run.run_id })}
                showOnly={() => showOnly(run.run_id)}
              />
            </li>
          ))}
        </ul>
        {listed.length === 0 && runs.length > 0 && <p className={styles.note}>No run matches the search.</p>}
        {loadMore && (
          <p className={styles.note}>
            The newest {formatCount(runs.length)} of {plural(totalCount, "run")}.{" "}
            <button type="button" onClick={loadMore}>
              Load more
            </button>
          </p>
        )}
      </div>
    </aside>
  );
}
