/** Words for a run of which no machine was measured. */
import type { WholeRun } from "../api/types";
import { useNow } from "../ui/use_now";
import { whyNothing } from "./nothing";
import styles from "./System.module.css";

export function NothingMeasured({ run }: { run: WholeRun }) {
  const why = whyNothing(run, useNow(run.state === "running"));
  return (
    <div className={styles.nothing} role="status">
      {why === "waiting" && <p>The machine is measured every 2 seconds: the first values come in a moment.</p>}
      {why === "short" && (
        <p>Nothing was measured: the machine is looked at every 2 seconds, and this run was over too soon.</p>
      )}
      {why === "off" && (
        <>
          <p>Nothing was measured of this run's machine.</p>
          <p>
            Either its settings say <code>system_interval_seconds=0</code>, or it was written from another machine than
            the daemon's{run.process?.host ? ` (${run.process.host})` : ""}.
          </p>
        </>
      )}
    </div>
  );
}
