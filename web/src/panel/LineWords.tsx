/** What stands in a chart that has nothing to draw: why, and since when it waits. */
import type { ReactNode } from "react";
import type { XAxis } from "../api/series";
import { isExported } from "../app/exported";
import { seriesStore } from "../data/page_store";
import { Since } from "../ui/Moment";
import { axisLabel } from "./axis";
import styles from "./LinePanel.module.css";
import type { ShownRun } from "./shown_run";

interface LineWordsProps {
  /** The metrics and expressions that the chart shows. */
  what: string;
  axis: XAxis;
  runs: readonly ShownRun[];
  hasLines: boolean;
  /** Whether any line has points. */
  hasSeries: boolean;
  /** Whether the part of x that is drawn has none. */
  isBlank: boolean;
  isComplete: boolean;
  isZoomed: boolean;
  error: Error | null;
}

export function LineWords(props: LineWordsProps) {
  const words = wordsOf(props);
  return words && <p className={styles.words}>{words}</p>;
}

function wordsOf(props: LineWordsProps): ReactNode {
  const { what, axis, runs, hasLines, hasSeries, isBlank, isComplete, isZoomed, error } = props;
  if (!hasLines) return what ? "All runs are hidden." : "No metric has been chosen for this chart.";
  if (error && !hasSeries) {
    return (
      <>
        {`Could not be read: ${error.message}. `}
        <button type="button" onClick={() => seriesStore.retry()}>
          Try again
        </button>
      </>
    );
  }
  if (!isComplete) return null;
  if (hasSeries) return isBlank ? "No point lies in this range." : null;
  if (isZoomed) return `No point of ${what} lies in this range.`;
  if (axis.startsWith("metric:")) return `No run has logged ${axisLabel(axis)} along with ${what} yet.`;
  if (isExported) return `No point of ${what} is in this file.`;
  const running = runs.filter((shown) => shown.isRunning);
  return (
    <>
      {`No data logged yet for ${what}`}
      {running.length > 0 && (
        <>
          {" – waiting since "}
          <Since unixMs={Math.min(...running.map((shown) => shown.createTimeMs))} />
        </>
      )}
    </>
  );
}
