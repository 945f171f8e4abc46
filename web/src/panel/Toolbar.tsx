/** What holds for all charts of the page: the search, the x axis, smoothing, scales, groups and sections. */
import type { ReactNode } from "react";
import type { XAxis } from "../api/series";
import type { ChangeView } from "../url/use_view";
import { type Aggregate, AGGREGATES, type Band, BANDS, type ViewState } from "../url/view_state";
import { AxisChoice } from "./AxisChoice";
import { ChartOptions } from "./ChartOptions";
import { SmoothingChoice } from "./SmoothingChoice";
import { matcher } from "../ui/matcher";
import styles from "./Toolbar.module.css";

interface ToolbarProps {
  view: ViewState;
  changeView: ChangeView;
  metricNames: readonly string[];
  /** What a page has before the rest. */
  children?: ReactNode;
}

export const METRIC_SEARCH_ID = "metric-search";

const BAND_WORDS: Record<Band, string> = {
  range: "min to max",
  std: "± standard deviation",
  stderr: "± standard error",
  none: "none",
};

export function Toolbar({ view, changeView, metricNames, children }: ToolbarProps) {
  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Charts">
      {children}
      <input
        id={METRIC_SEARCH_ID}
        className={styles.search}
        type="search"
        placeholder="Search metrics (regex)"
        aria-label="Search metrics by regular expression"
        aria-invalid={matcher(view.metrics) === null}
        title={matcher(view.metrics) === null ? "Not a regular expression yet: all metrics are shown" : undefined}
        value={view.metrics}
        onChange={(event) => changeView({ metrics: event.target.value })}
      />
      <AxisChoice
        x={view.x}
        metricNames={metricNames}
        choose={(x: XAxis | null) => changeView({ x, zoom: null }, "keep")}
      />
      <SmoothingChoice smoothing={view.smoothing} changeView={changeView} />
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={view.isLogY}
          onChange={(event) => changeView({ isLogY: event.target.checked })}
        />
        log y
      </label>
      {view.groupBy.length > 0 && (
        <>
          <label className={styles.choice}>
            Groups
            <select
              value={view.aggregate}
              onChange={(event) => changeView({ aggregate: event.target.value as Aggregate })}
            >
              {AGGREGATES.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
          <label className={styles.choice}>
            Band
            <select value={view.band} onChange={(event) => changeView({ band: event.target.value as Band })}>
              {BANDS.map((one) => (
                <option key={one} value={one}>
                  {BAND_WORDS[one]}
                </option>
              ))}
            </select>
          </label>
        </>
      )}
      <ChartOptions view={view} changeView={changeView} />
    </div>
  );
}
