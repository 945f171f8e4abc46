/** One chart of measured values: a line for each instance, with its legend. */
import { useCallback, useMemo, useRef, useState } from "react";
import type { Series, XAxis } from "../api/series";
import { useTheme } from "../app/theme";
import type { Frame } from "../chart/frame";
import type { ChartModel } from "../chart/model";
import { DISTINCT_MAX, styleOf } from "../chart/styles";
import { seriesStore } from "../data/page_store";
import { formatMeasure } from "../format/measure";
import { plural } from "../format/number";
import { axisLabel } from "../panel/axis";
import cardStyles from "../panel/Card.module.css";
import chartStyles from "../panel/LinePanel.module.css";
import { ChartPlot } from "../panel/ChartPlot";
import { tally } from "../panel/caption";
import { bucketsFor } from "../panel/chart_questions";
import { makeModel } from "../panel/make_model";
import { useOnScreen } from "../panel/use_on_screen";
import { RunSwatch } from "../ui/RunSwatch";
import { useWidth } from "../ui/use_size";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import type { SystemChart } from "./charts";
import styles from "./SystemCard.module.css";
import { useSystemSeries } from "./use_system_series";

interface SystemCardProps {
  project: string;
  run: string;
  chart: SystemChart;
  axis: XAxis;
  view: ViewState;
  changeView: ChangeView;
}

// A legend of more lines says nothing that a person could take in; the tooltip names the nearest.
const LEGEND_MAX = 8;

/** Shares fill the chart from 0 to 1, so that one glance compares them; of the rest only the ground is fixed. */
function boundsOf({ measure }: SystemChart): ChartModel["yBounds"] {
  if (measure === "share" || measure === "flag") return { min: 0, max: 1 };
  return measure === "celsius" || measure === "hertz" ? undefined : { min: 0 };
}

export function SystemCard({ project, run, chart, axis, view, changeView }: SystemCardProps) {
  const root = useRef<HTMLElement>(null);
  const width = useWidth(root);
  const isOnScreen = useOnScreen(root);
  const theme = useTheme();
  const buckets = bucketsFor(width);
  const { zoom } = view;
  const {
    axis: heldAxis,
    held,
    isComplete,
    error,
  } = useSystemSeries(project, run, chart, axis, zoom, buckets, isOnScreen && width > 0);
  const lines = useMemo(
    () =>
      chart.lines.map(({ key, label }, slot) => ({
        id: key,
        label,
        style: styleOf(slot < DISTINCT_MAX ? slot : undefined, theme),
        isContext: slot >= DISTINCT_MAX,
        emphasis: "normal" as const,
      })),
    [chart, theme],
  );
  const model = useMemo(
    (): ChartModel => ({
      ...makeModel(lines, held, heldAxis, view, theme),
      xKind: "linear",
      yKind: "linear",
      measure: chart.measure,
      yBounds: boundsOf(chart),
    }),
    [lines, held, heldAxis, view, theme, chart],
  );
  const [frame, setFrame] = useState<Frame | null>(null);
  const labels = useMemo(() => new Map(chart.lines.map(({ key, label }) => [key, label])), [chart]);
  const nameOf = useCallback((key: string) => labels.get(key) ?? key, [labels]);
  const sum = useMemo(
    () => tally(chart.lines.map(({ key }) => held.get(key)).filter((one): one is Series => one !== undefined)),
    [chart, held],
  );

  const onPainted = useCallback(
    (painted: Frame) => {
      const element = root.current;
      if (!element) return;
      // For tests and other tools: what has been drawn, at the moment it is.
      element.dataset.points = String(sum.drawnCount);
      element.dataset.total = String(sum.totalCount);
      element.dataset.lines = String(sum.seriesCount);
      element.dataset.max = String(painted.yMax);
      setFrame(painted);
    },
    [sum],
  );
  const onZoom = useCallback(
    (range: [number, number] | null) =>
      changeView({ zoom: range && { min: range[0], max: range[1], axis: heldAxis } }, "keep"),
    [heldAxis, changeView],
  );

  const words = () => {
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
    if (!isComplete || sum.seriesCount > 0) return null;
    return zoom?.axis === heldAxis ? "No sample lies in this range." : "No sample yet.";
  };
  const shown = words();
  const sharedLength = sharedWords(chart.lines.map(({ label }) => label));
  const hasLegend = lines.length > 1 && lines.length <= LEGEND_MAX;
  return (
    <article
      ref={root}
      className={`${cardStyles.card} ${chartStyles.chart}`}
      data-testid="system-chart"
      data-title={chart.title}
      aria-label={chart.title}
    >
      <header className={cardStyles.header}>
        <h3 title={chart.lines.map(({ key }) => key).join("\n")}>{chart.title}</h3>
        {zoom?.axis === heldAxis && (
          <button type="button" className="quiet" onClick={() => onZoom(null)}>
            Reset zoom
          </button>
        )}
      </header>
      <ChartPlot
        model={model}
        axis={heldAxis}
        label={summary(chart, frame, sum.totalCount, heldAxis)}
        nameOf={nameOf}
        onPainted={onPainted}
        onZoom={onZoom}
      />
      {shown && <p className={chartStyles.words}>{shown}</p>}
      <footer className={cardStyles.caption}>
        {hasLegend ? (
          <ul className={styles.legend}>
            {lines.map(({ id, label, style }) => (
              <li key={id} title={label}>
                <RunSwatch style={style} />
                {label.slice(sharedLength)}
              </li>
            ))}
          </ul>
        ) : (
          <span>{lines.length > 1 ? plural(lines.length, "line") : ""}</span>
        )}
        <span>{axisLabel(heldAxis)}</span>
      </footer>
    </article>
  );
}

// Up to so many names have room as they are.
const WHOLE_NAMES_MAX = 4;

/** How much of many names is the same at their beginning, up to a space: `GPU 0 … GPU 7` are 0 to 7 in a legend. */
export function sharedWords(labels: readonly string[]): number {
  if (labels.length <= WHOLE_NAMES_MAX) return 0;
  const end = labels[0].indexOf(" ") + 1;
  const words = labels[0].slice(0, end);
  return labels.every((label) => label.startsWith(words) && label.length > end) ? end : 0;
}

/** One line that says what the chart shows to who cannot see it. */
function summary(chart: SystemChart, frame: Frame | null, count: number, axis: XAxis): string {
  if (!frame || !Number.isFinite(frame.yMin)) return `${chart.title}: no data yet`;
  const range = [frame.yMin, frame.yMax].map((value) => formatMeasure(value, chart.measure));
  return [
    `${chart.title} over ${axisLabel(axis)}`,
    plural(chart.lines.length, "line"),
    plural(count, "sample"),
    `lowest ${range[0]}`,
    `highest ${range[1]}`,
  ].join(", ");
}
