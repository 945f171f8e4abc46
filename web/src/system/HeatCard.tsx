/** Shares of many instances, the cores of a large machine, as a heat map: a row each, which as many lines would not let one see. */
import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import type { XAxis } from "../api/series";
import { useTheme } from "../app/theme";
import { seriesStore } from "../data/page_store";
import { formatMeasure } from "../format/measure";
import { plural } from "../format/number";
import { scaleColor } from "../media/color_scale";
import { axisLabel, formatX } from "../panel/axis";
import cardStyles from "../panel/Card.module.css";
import chartStyles from "../panel/LinePanel.module.css";
import { getCursor, subscribeCursor } from "../panel/cursor";
import { bucketsFor } from "../panel/chart_questions";
import { useOnScreen } from "../panel/use_on_screen";
import { useWidth } from "../ui/use_size";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import type { SystemChart } from "./charts";
import { type Heat, heatOf } from "./heat";
import styles from "./HeatCard.module.css";
import { useSystemSeries } from "./use_system_series";

interface HeatCardProps {
  project: string;
  run: string;
  chart: SystemChart;
  axis: XAxis;
  view: ViewState;
  changeView: ChangeView;
}

/** Up to so many lines can be told apart in a chart. */
export const LINES_MAX = 16;
const COLUMNS = 300;

export function HeatCard({ project, run, chart, axis, view, changeView }: HeatCardProps) {
  const root = useRef<HTMLElement>(null);
  const width = useWidth(root);
  const isOnScreen = useOnScreen(root);
  const { zoom } = view;
  const buckets = bucketsFor(COLUMNS);
  const {
    axis: heldAxis,
    held,
    isComplete,
    error,
  } = useSystemSeries(project, run, chart, axis, zoom, buckets, isOnScreen && width > 0);
  const heat = useMemo(
    () =>
      heatOf(
        chart.lines.map(({ key }) => held.get(key)),
        COLUMNS,
      ),
    [chart, held],
  );
  const [said, setSaid] = useState("");
  const words =
    error && held.size === 0
      ? `Could not be read: ${error.message}. `
      : isComplete && !heat
        ? "No sample in this range yet."
        : "";
  return (
    <article
      ref={root}
      className={`${cardStyles.card} ${chartStyles.chart}`}
      data-testid="system-chart"
      data-title={chart.title}
      data-lines={held.size}
      aria-label={chart.title}
    >
      <header className={cardStyles.header}>
        <h3>{chart.title}</h3>
        {zoom?.axis === heldAxis && (
          <button type="button" className="quiet" onClick={() => changeView({ zoom: null }, "keep")}>
            Reset zoom
          </button>
        )}
      </header>
      <div className={styles.plot}>{heat && <HeatMap heat={heat} chart={chart} axis={heldAxis} say={setSaid} />}</div>
      {words && (
        <p className={chartStyles.words}>
          {words}
          {error && (
            <button type="button" onClick={() => seriesStore.retry()}>
              Try again
            </button>
          )}
        </p>
      )}
      <footer className={cardStyles.caption}>
        <span className={styles.said}>{said || `${plural(chart.lines.length, "row")}, 0 to 100 %`}</span>
        <span>{axisLabel(heldAxis)}</span>
      </footer>
    </article>
  );
}

interface HeatMapProps {
  heat: Heat;
  chart: SystemChart;
  axis: XAxis;
  say: (words: string) => void;
}

function HeatMap({ heat, chart, axis, say }: HeatMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const line = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const { from, to, columnCount, shares } = heat;
  const rowCount = chart.lines.length;

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    // A pixel a cell: the browser makes them as large as they are on the screen.
    element.width = columnCount;
    element.height = rowCount;
    const image = context.createImageData(columnCount, rowCount);
    for (let cell = 0; cell < shares.length; cell++) {
      if (Number.isNaN(shares[cell])) continue;
      image.data.set([...scaleColor(theme, shares[cell]), 255], cell * 4);
    }
    context.putImageData(image, 0, 0);
  }, [shares, columnCount, rowCount, theme]);

  useEffect(() => {
    const move = () => {
      const cursor = getCursor();
      const element = line.current;
      if (!element) return;
      const share = cursor?.axis === axis ? (cursor.x - from) / (to - from || 1) : Number.NaN;
      const isInside = share >= 0 && share <= 1;
      element.style.visibility = isInside ? "visible" : "hidden";
      if (isInside) element.style.left = `${100 * share}%`;
    };
    move();
    return subscribeCursor(move);
  }, [axis, from, to]);

  const read = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const across = Math.min(0.9999, Math.max(0, (event.clientX - box.left) / box.width));
    const row = Math.min(rowCount - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rowCount)));
    const share = shares[row * columnCount + Math.floor(across * columnCount)];
    const value = Number.isNaN(share) ? "nothing measured" : formatMeasure(share, chart.measure);
    say(`${chart.lines[row].label}: ${value} at ${formatX(axis, from + across * (to - from), 0n)}`);
  };
  return (
    <div className={styles.map} onPointerMove={read} onPointerLeave={() => say("")}>
      <canvas ref={canvas} role="img" aria-label={summary(heat, chart)} />
      <div ref={line} className={styles.cursor} />
    </div>
  );
}

/** One line that says what the map shows to who cannot see it. */
function summary({ shares, columnCount }: Heat, chart: SystemChart): string {
  const means = chart.lines.map(({ label }, row) => {
    const own = shares.subarray(row * columnCount, (row + 1) * columnCount).filter((share) => !Number.isNaN(share));
    return { label, mean: own.reduce((sum, share) => sum + share, 0) / (own.length || 1) };
  });
  const busiest = means.reduce((most, one) => (one.mean > most.mean ? one : most));
  return `${chart.title}: ${plural(means.length, "row")}, busiest ${busiest.label} with ${formatMeasure(busiest.mean, chart.measure)}`;
}
