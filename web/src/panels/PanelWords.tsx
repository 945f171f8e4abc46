/** What a panel says in place of a picture. */
import type { ReactNode } from "react";
import { plural } from "../format/number";
import { columnTitle } from "./columns";
import styles from "./Panel.module.css";
import type { ColumnsState } from "./use_columns_of_runs";

export function PanelWords({ children }: { children: ReactNode }) {
  return (
    <div className={styles.words} role="status">
      <p>{children}</p>
    </div>
  );
}

/** Where a column holds a number of none of the runs. */
export function NoNumber({ runCount, column }: { runCount: number; column: string }) {
  return (
    <>
      None of {plural(runCount, "run")} has a number for <bdi>{columnTitle(column)}</bdi> yet.
    </>
  );
}

/** While the columns are not there: nothing, or why they do not come. */
export function Waiting({ state: { error, retry } }: { state: Pick<ColumnsState, "error" | "retry"> }) {
  if (!error) return <div className={styles.words} aria-busy="true" />;
  return (
    <PanelWords>
      {`Could not be read: ${error.message}. `}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </PanelWords>
  );
}
