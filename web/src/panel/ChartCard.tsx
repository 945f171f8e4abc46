/** One chart with its name, its caption and its words for having nothing to show. */
import { useCallback, useMemo, useRef, useState } from "react";
import type { Series, XAxis } from "../api/series";
import { useTheme } from "../app/theme";
import type { Frame } from "../chart/frame";
import { seriesStore } from "../data/page_store";
import { ExpandIcon } from "../ui/icons";
import { Since } from "../ui/Moment";
import { useWidth } from "../ui/use_size";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { axisLabel } from "./axis";
import cardStyles from "./Card.module.css";
import styles from "./ChartCard.module.css";
import { ChartPlot } from "./ChartPlot";
import { caption, summary, tally } from "./caption";
import { makeModel } from "./make_model";
import type { ChartMetric, ShownRun } from "./shown_run";
import { bucketsFor, useChartSeries } from "./use_chart_series";
import { useOnScreen } from "./use_on_screen";

export interface ChartCardProps {
  project: string;
  metric: ChartMetric;
  title: string;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
  isFullScreen?: boolean;
}

export function axisOf(metric: ChartMetric, view: ViewState): XAxis {
  if (view.x) return view.x;
  return metric.stepMetric && metric.stepMetric !== metric.key ? `metric:${metric.stepMetric}` : "step";
}

export function ChartCard({ project, metric, title, runs, view, changeView, isFullScreen = false }: ChartCardProps) {
  const root = useRef<HTMLElement>(null);
  const width = useWidth(root);
  const isOnScreen = useOnScreen(root);
  const theme = useTheme();
  const wantedAxis = axisOf(metric, view);
  const runIds = useMemo(() => runs.map((shown) => shown.id), [runs]);
  const { axis, held, isComplete, error } = useChartSeries(
    { project, runs: runIds, key: metric.key, axis: wantedAxis, view, buckets: bucketsFor(width) },
    isOnScreen && width > 0,
  );
  const model = useMemo(() => makeModel(runs, held, axis, view, theme), [runs, held, axis, view, theme]);
  const [frame, setFrame] = useState<Frame | null>(null);

  const names = useMemo(() => new Map(runs.map((shown) => [shown.id, shown.name])), [runs]);
  const nameOf = useCallback((id: string) => names.get(id) ?? id, [names]);
  const shownSeries = useMemo(
    () => runIds.map((id) => held.get(id)).filter((series): series is Series => series !== undefined),
    [runIds, held],
  );
  const sum = useMemo(() => tally(shownSeries), [shownSeries]);

  const onPainted = useCallback(
    (painted: Frame) => {
      const element = root.current;
      if (!element) return;
      // For tests and other tools: what has been drawn, at the moment it is.
      element.dataset.points = String(sum.drawnCount);
      element.dataset.total = String(sum.totalCount);
      element.dataset.max = String(painted.yMax);
      setFrame(painted);
    },
    [sum],
  );

  const onZoom = useCallback(
    (range: [number, number] | null) => {
      if (!range) changeView({ zoom: null }, "keep");
      else {
        const [min, max] = axis === "step" ? [Math.floor(range[0]), Math.ceil(range[1])] : range;
        changeView({ zoom: { min, max, axis } }, "keep");
      }
    },
    [axis, changeView],
  );

  const words = emptyWords();
  function emptyWords() {
    if (error && sum.seriesCount === 0) {
      return (
        <>
          {`Could not be read: ${error.message}. `}
          <button type="button" onClick={() => seriesStore.retry()}>
            Try again
          </button>
        </>
      );
    }
    if (sum.seriesCount > 0 && frame && frame.shownCount === 0 && isComplete) return "No point lies in this range.";
    if (sum.seriesCount > 0 || !isComplete) return null;
    if (view.zoom?.axis === axis) return `No point of ${metric.key} lies in this range.`;
    if (axis.startsWith("metric:")) return `No run has logged ${axisLabel(axis)} along with ${metric.key} yet.`;
    const running = runs.filter((shown) => shown.isRunning);
    return (
      <>
        {`No data logged yet for ${metric.key}`}
        {running.length > 0 && (
          <>
            {" – waiting since "}
            <Since unixMs={Math.min(...running.map((shown) => shown.createTimeMs))} />
          </>
        )}
      </>
    );
  }

  return (
    <article
      ref={root}
      className={isFullScreen ? cardStyles.full : `${cardStyles.card} ${styles.chart}`}
      data-testid="chart"
      data-key={metric.key}
      aria-label={metric.key}
    >
      <header className={cardStyles.header}>
        <h3 title={metric.key}>{title}</h3>
        {view.zoom?.axis === axis && (
          <button type="button" className="quiet" onClick={() => onZoom(null)}>
            Reset zoom
          </button>
        )}
        {!isFullScreen && (
          <button
            type="button"
            className="quiet icon"
            aria-label={`Show ${metric.key} full screen`}
            onClick={() => changeView({ panel: metric.key }, "keep")}
          >
            <ExpandIcon />
          </button>
        )}
      </header>
      <ChartPlot
        model={model}
        axis={axis}
        label={
          frame && sum.seriesCount > 0
            ? summary(metric.key, sum, frame, axis, view, nameOf)
            : `${metric.key}: no data yet`
        }
        nameOf={nameOf}
        onPainted={onPainted}
        onZoom={onZoom}
      />
      {words && <p className={styles.words}>{words}</p>}
      <footer className={cardStyles.caption}>
        <span
          className={styles.fidelity}
          title={frame && sum.seriesCount > 0 ? caption(sum, frame, axis, runs.length, metric.otherKinds) : undefined}
        >
          {frame && sum.seriesCount > 0 ? caption(sum, frame, axis, runs.length, metric.otherKinds) : ""}
        </span>
        <span>{axisLabel(axis)}</span>
      </footer>
    </article>
  );
}
