/** All charts and media of a page, in sections, with the tooltip the charts share and the one card shown full screen. */
import { useMemo } from "react";
import { Board } from "../board/Board";
import { makeBoard } from "../board/cards";
import { EMPTY_LAYOUT } from "../layout/document";
import type { LayoutHandle } from "../layout/use_layout";
import { MediaCard } from "../media/MediaCard";
import type { ChangeView } from "../url/use_view";
import { mediaId, type ViewState } from "../url/view_state";
import { matcher } from "../ui/matcher";
import { CardDialog } from "./CardDialog";
import { ChartCard } from "./ChartCard";
import styles from "./Charts.module.css";
import type { ChartMetric, MediaMetric, ShownRun } from "./shown_run";
import { Tooltip } from "./Tooltip";

interface ChartsProps {
  project: string;
  metrics: readonly ChartMetric[];
  media: readonly MediaMetric[];
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
  /** How a person has arranged them; null where they cannot be. */
  layout?: LayoutHandle | null;
}

export function Charts({ project, metrics, media, runs, view, changeView, layout = null }: ChartsProps) {
  const byKey = useMemo(() => new Map(metrics.map((metric) => [metric.key, metric])), [metrics]);
  const arranged = layout?.layout ?? EMPTY_LAYOUT;
  const { sections } = useMemo(
    () =>
      makeBoard(metrics, media, arranged, view.sections, matcher(view.metrics) ?? (() => true), (card) => card.kind),
    [metrics, media, arranged, view.metrics, view.sections],
  );
  const panel = view.panel === null ? undefined : byKey.get(view.panel);
  const medium = view.media === null ? undefined : media.find((one) => mediaId(one.kind, one.key) === view.media);

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
  const shown = { project, runs, view, changeView };
  return (
    <>
      <Board {...shown} sections={sections} layout={layout} />
      {medium && (
        <CardDialog label={medium.key} onClose={() => changeView({ media: null, item: null }, "keep")}>
          <MediaCard {...shown} metric={medium} title={medium.key} isFullScreen />
        </CardDialog>
      )}
      {panel ? (
        <CardDialog label={panel.key} onClose={() => changeView({ panel: null }, "keep")}>
          <ChartCard {...shown} metric={panel} title={panel.key} isFullScreen />
          <Tooltip />
        </CardDialog>
      ) : (
        <Tooltip />
      )}
    </>
  );
}
