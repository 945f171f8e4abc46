/** What holds for all charts of the page: the search, the x axis, smoothing, scales and sections. */
import type { XAxis } from "../api/series";
import type { ChangeView } from "../url/use_view";
import type { LineValue, SectionRule, ViewState } from "../url/view_state";
import { AxisChoice } from "./AxisChoice";
import { SmoothingChoice } from "./SmoothingChoice";
import { matcher } from "../ui/matcher";
import styles from "./Toolbar.module.css";

interface ToolbarProps {
  view: ViewState;
  changeView: ChangeView;
  metricNames: readonly string[];
}

export const METRIC_SEARCH_ID = "metric-search";

export function Toolbar({ view, changeView, metricNames }: ToolbarProps) {
  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Charts">
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
          checked={view.isLogX}
          onChange={(event) => changeView({ isLogX: event.target.checked })}
        />
        log x
      </label>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={view.isLogY}
          onChange={(event) => changeView({ isLogY: event.target.checked })}
        />
        log y
      </label>
      <label className={styles.choice}>
        Line
        <select value={view.line} onChange={(event) => changeView({ line: event.target.value as LineValue })}>
          <option value="last">last</option>
          <option value="mean">mean</option>
        </select>
      </label>
      <label className={styles.choice}>
        Sections
        <select
          value={view.sections}
          onChange={(event) => changeView({ sections: event.target.value as SectionRule, closed: [] })}
        >
          <option value="last">last slash</option>
          <option value="first">first part</option>
          <option value="tree">tree of all parts</option>
        </select>
      </label>
    </div>
  );
}
