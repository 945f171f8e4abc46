/** One media card over the whole window. The address names it, so that it can be shared. */
import { useEffect, useRef } from "react";
import dialogStyles from "../panel/ChartDialog.module.css";
import type { MediaMetric, ShownRun } from "../panel/shown_run";
import { CrossIcon } from "../ui/icons";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { MediaCard } from "./MediaCard";

interface MediaDialogProps {
  project: string;
  metric: MediaMetric;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export function MediaDialog({ project, metric, runs, view, changeView }: MediaDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className={dialogStyles.dialog}
      aria-label={metric.key}
      onClose={() => changeView({ media: null, item: null }, "keep")}
    >
      <div className={dialogStyles.body}>
        <button
          type="button"
          className={`quiet icon ${dialogStyles.close}`}
          aria-label="Close full screen"
          onClick={() => dialog.current?.close()}
        >
          <CrossIcon />
        </button>
        <MediaCard
          project={project}
          metric={metric}
          title={metric.key}
          runs={runs}
          view={view}
          changeView={changeView}
          isFullScreen
        />
      </div>
    </dialog>
  );
}
