/** All charts of a page, in sections, with the tooltip they share and the one shown full screen. */
import { useMemo } from "react";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { makeSections } from "./sections";
import { matcher } from "../ui/matcher";
import { ChartDialog } from "./ChartDialog";
import { ChartSection } from "./ChartSection";
import styles from "./Charts.module.css";
import type { ChartMetric, ShownRun } from "./shown_run";
import { Tooltip } from "./Tooltip";

interface ChartsProps {
  project: string;
  metrics: readonly ChartMetric[];
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export function Charts({ project, metrics, runs, view, changeView }: ChartsProps) {
  const byKey = useMemo(() => new Map(metrics.map((metric) => [metric.key, metric])), [metrics]);
  const sections = useMemo(() => {
    const isFound = matcher(view.metrics) ?? (() => true);
    return makeSections(
      metrics.map((metric) => metric.key).filter((key) => isFound(key)),
      view.sections,
    );
  }, [metrics, view.metrics, view.sections]);
  const panel = view.panel === null ? undefined : byKey.get(view.panel);

  if (sections.length === 0) {
    return (
      <p className={styles.none} role="status">
        No metric matches “{view.metrics}”.{" "}
        <button type="button" onClick={() => changeView({ metrics: "" })}>
          Clear the search
        </button>
      </p>
    );
  }
  return (
    <>
      {sections.map((section) => (
        <ChartSection
          key={section.name}
          project={project}
          section={section}
          metrics={byKey}
          runs={runs}
          view={view}
          changeView={changeView}
        />
      ))}
      {panel ? (
        <ChartDialog project={project} metric={panel} runs={runs} view={view} changeView={changeView} />
      ) : (
        <Tooltip />
      )}
    </>
  );
}
