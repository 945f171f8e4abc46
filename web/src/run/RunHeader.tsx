/** What is seen on every part of a run's page: its name, its state and why it ended, and the way to the other parts. */
import { exportAddress } from "../api/routes";
import type { WholeRun } from "../api/types";
import { isExported } from "../app/exported";
import { Elapsed } from "../ui/Moment";
import { StateLabel } from "../ui/StateLabel";
import type { ViewState } from "../url/view_state";
import { lastWords } from "./end_words";
import styles from "./RunHeader.module.css";
import { RunTabs } from "./RunTabs";
import type { TabCounts } from "./tab_counts";

interface RunHeaderProps {
  run: WholeRun;
  view: ViewState;
  counts: TabCounts;
}

export function RunHeader({ run, view, counts }: RunHeaderProps) {
  // The first part says it at length.
  const reason = view.tab === "overview" ? "" : lastWords(run) || run.end_reason;
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
        {!isExported && (
          <span className={styles.downloads}>
            History as <a href={exportAddress(run.project, run.run_id, "csv")}>CSV</a>
            {" · "}
            <a href={exportAddress(run.project, run.run_id, "jsonl")}>JSON lines</a>
          </span>
        )}
      </div>
      {reason && (
        <p className={styles.reason} title={reason}>
          {reason}
        </p>
      )}
      <RunTabs view={view} counts={counts} />
    </header>
  );
}
