/** One chart over the whole window. The address names it, so that it can be shared. */
import { useEffect, useRef } from "react";
import { CrossIcon } from "../ui/icons";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { ChartCard } from "./ChartCard";
import styles from "./ChartDialog.module.css";
import type { ChartMetric, ShownRun } from "./shown_run";
import { Tooltip } from "./Tooltip";

interface ChartDialogProps {
  project: string;
  metric: ChartMetric;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export function ChartDialog({ project, metric, runs, view, changeView }: ChartDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => changeView({ panel: null }, "keep");
  return (
    <dialog ref={dialog} className={styles.dialog} aria-label={metric.key} onClose={close}>
      <div className={styles.body}>
        <button
          type="button"
          className={`quiet icon ${styles.close}`}
          aria-label="Close full screen"
          onClick={() => dialog.current?.close()}
        >
          <CrossIcon />
        </button>
        <ChartCard
          project={project}
          metric={metric}
          title={metric.key}
          runs={runs}
          view={view}
          changeView={changeView}
          isFullScreen
        />
      </div>
      <Tooltip />
    </dialog>
  );
}
