/** What is seen on every part of a run's page: its name, its state and why it ended, and the way to the other parts. */
import { exportAddress } from "../api/routes";
import type { WholeRun } from "../api/types";
import { formatCount } from "../format/number";
import { Elapsed } from "../ui/Moment";
import { StateLabel } from "../ui/StateLabel";
import type { ChangeView } from "../url/use_view";
import { type Tab, TABS, type ViewState } from "../url/view_state";
import styles from "./RunHeader.module.css";

interface RunHeaderProps {
  run: WholeRun;
  view: ViewState;
  changeView: ChangeView;
}

const TITLES: Record<Tab, string> = {
  overview: "Overview",
  charts: "Charts",
  system: "System",
  logs: "Logs",
  media: "Media",
  tables: "Tables",
  files: "Files",
  health: "Health",
};

export function RunHeader({ run, view, changeView }: RunHeaderProps) {
  const lineCount = (run.writers ?? []).reduce((sum, writer) => sum + writer.console_line_count, 0);
  return (
    <header className={styles.header}>
      <div className={styles.title}>
        <h1>{run.name || run.run_id}</h1>
        <StateLabel state={run.state} isStalled={run.stalled} />
        <span className={styles.muted}>
          <Elapsed
            fromMs={run.create_time_unix_ms}
            toMs={run.finish_time_unix_ms ?? run.update_time_unix_ms}
            isGrowing={run.state === "running"}
          />
        </span>
        <span className={styles.downloads}>
          History as <a href={exportAddress(run.project, run.run_id, "csv")}>CSV</a>
          {" · "}
          <a href={exportAddress(run.project, run.run_id, "jsonl")}>JSON lines</a>
        </span>
      </div>
      {run.end_reason && <p className={styles.reason}>{run.end_reason}</p>}
      <nav className={styles.tabs} aria-label="Parts of the run">
        {TABS.map((tab) => (
          <button
            key={tab}
            type="button"
            className="quiet"
            aria-current={view.tab === tab ? "page" : undefined}
            onClick={() => changeView({ tab }, "keep")}
          >
            {TITLES[tab]}
            {tab === "logs" && lineCount > 0 && <span className={styles.count}>{formatCount(lineCount)}</span>}
          </button>
        ))}
      </nav>
    </header>
  );
}
