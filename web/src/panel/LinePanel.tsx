/** A chart of lines with its name, its menu, its caption and its words for having nothing to show. */
import { useCallback, useMemo, useRef, useState } from "react";
import type { Series } from "../api/series";
import { useTheme } from "../app/theme";
import type { Frame } from "../chart/frame";
import type { ChartModel, YRange } from "../chart/model";
import { isolate, isolated } from "../format/isolated";
import { ExpandIcon } from "../ui/icons";
import type { MenuEntry } from "../ui/Menu";
import { useWidth } from "../ui/use_size";
import { useStable } from "../ui/use_stable";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { axisLabel } from "./axis";
import cardStyles from "./Card.module.css";
import styles from "./LinePanel.module.css";
import { ChartPlot } from "./ChartPlot";
import { caption, type Captioned, summary, tally } from "./caption";
import type { ChartEvent } from "./chart_event";
import { axisOf, chartLines, type LineChoice } from "./chart_lines";
import { bucketsFor } from "./chart_questions";
import { EventMarks } from "./EventMarks";
import { LineWords } from "./LineWords";
import { makeModel } from "./make_model";
import { PanelMenu } from "./PanelMenu";
import { useChartSeries } from "./use_chart_series";
import { useOnScreen } from "./use_on_screen";
import { useZoom } from "./use_zoom";

export interface LinePanelProps extends LineChoice {
  project: string;
  /** Names the panel in the address. */
  id: string;
  title: string;
  view: ViewState;
  changeView: ChangeView;
  isFullScreen?: boolean;
  /** Ends of the y axis; null where the values decide. */
  yRange?: YRange;
  /** Keeps a y range that a person types; where it is left out none can be typed. */
  changeYRange?: (range: YRange) => void;
  /** Whether the y axis reaches to 0. */
  hasZero?: boolean;
  events?: readonly ChartEvent[];
  /** What the panel's menu has besides what concerns the drawing: moving, editing, deleting. */
  extraItems?: readonly MenuEntry[];
}

interface Painted {
  frame: Frame;
  model: ChartModel;
}

const EVERY: YRange = [null, null];

/** What of the view a chart depends on: a change of anything else draws nothing anew. */
const drawnBy = ({ x, zoom, smoothing, isLogX, isLogY, line, clip, aggregate, band }: ViewState) => ({
  x,
  zoom,
  smoothing,
  isLogX,
  isLogY,
  line,
  clip,
  aggregate,
  band,
});

export function LinePanel(props: LinePanelProps) {
  const { project, id, title, metrics, expressions, runs, groups, changeView, isFullScreen = false, events } = props;
  const root = useRef<HTMLElement>(null);
  const width = useWidth(root);
  const isOnScreen = useOnScreen(root);
  const theme = useTheme();
  const view = useStable(drawnBy(props.view));
  const yRange = useStable(props.yRange ?? EVERY);
  const { hasZero } = props;

  const lines = useMemo(() => chartLines({ metrics, expressions, runs, groups }), [metrics, expressions, runs, groups]);
  const wantedAxis = axisOf(metrics, view);
  const { axis, held, isComplete, error } = useChartSeries(
    { project, lines, axis: wantedAxis, view, buckets: bucketsFor(width) },
    isOnScreen && width > 0,
  );
  const model = useMemo(
    () => makeModel(lines, held, axis, view, theme, { yRange, hasZero }),
    [lines, held, axis, view, theme, yRange, hasZero],
  );
  const [painted, setPainted] = useState<Painted | null>(null);
  const { isZoomed, zoom, back } = useZoom(axis, view.zoom, changeView);

  const byId = useMemo(() => new Map(lines.map((line) => [line.id, line])), [lines]);
  const nameOf = useCallback((line: string) => byId.get(line)?.name ?? line, [byId]);
  const sum = useMemo(
    () => tally(lines.map((line) => held.get(line.id)).filter((one): one is Series => one !== undefined)),
    [lines, held],
  );

  const onPainted = useCallback(
    (frame: Frame, shown: ChartModel) => {
      const element = root.current;
      if (!element) return;
      // For tests and other tools: what has been drawn, at the moment it is.
      element.dataset.points = String(sum.drawnCount);
      element.dataset.total = String(sum.totalCount);
      element.dataset.lines = String(sum.seriesCount);
      element.dataset.max = String(frame.yMax);
      element.dataset.outside = String(frame.aboveCount + frame.belowCount);
      setPainted({ frame, model: shown });
    },
    [sum],
  );
  const onMark = useCallback(
    (x: number | null) => changeView({ cursor: x === null ? null : Math.max(0, Math.round(x)) }),
    [changeView],
  );
  const { highlight, cursor } = props.view;
  const pick = useCallback(
    (line: string) => {
      const run = byId.get(line)?.source.id ?? null;
      changeView({ highlight: run === highlight ? null : run });
    },
    [byId, highlight, changeView],
  );

  const keys = [...metrics.map(({ key }) => key), ...expressions];
  const label = keys.length === 1 ? keys[0] : title;
  const isDrawn = painted !== null && sum.seriesCount > 0;
  const said: Captioned | null = isDrawn
    ? {
        sum,
        frame: painted.frame,
        axis,
        lineCount: lines.length,
        lineWord: keys.length > 1 ? "line" : groups ? "group" : "run",
        groupWords: view.band === "none" ? view.aggregate : `${view.aggregate} and ${view.band}`,
        otherKinds: metrics.flatMap(({ otherKinds }) => otherKinds),
      }
    : null;
  const words = said ? caption(said) : "";
  return (
    <article
      ref={root}
      className={isFullScreen ? cardStyles.full : `${cardStyles.card} ${styles.chart}`}
      data-testid="chart"
      data-key={id}
      aria-label={label}
    >
      <header className={cardStyles.header}>
        <h3 title={keys.map(isolate).join("\n")}>{title}</h3>
        {isZoomed && (
          <button type="button" className="quiet" onClick={() => zoom(null, false)}>
            Reset zoom
          </button>
        )}
        {!isFullScreen && (
          <button
            type="button"
            className="quiet icon"
            aria-label={isolated`Show ${label} full screen`}
            onClick={() => changeView({ panel: id }, "keep")}
          >
            <ExpandIcon />
          </button>
        )}
        <PanelMenu
          {...props}
          label={label}
          axis={axis}
          painted={isDrawn ? painted : null}
          caption={words}
          nameOf={nameOf}
          zoom={zoom}
          isZoomed={isZoomed}
        />
      </header>
      <ChartPlot
        model={model}
        axis={axis}
        label={said ? summary(label, said, view, nameOf) : isolated`${label}: no data yet`}
        nameOf={nameOf}
        onPainted={onPainted}
        onZoom={zoom}
        onBack={back}
        marker={axis === "step" ? cursor : null}
        onMark={axis === "step" ? onMark : null}
        aggregate={groups ? view.aggregate : null}
        pick={groups ? null : pick}
      >
        {events && painted && (
          <EventMarks events={events} runs={runs} frame={painted.frame} model={painted.model} axis={axis} />
        )}
      </ChartPlot>
      <LineWords
        what={keys.join(", ")}
        axis={axis}
        runs={runs}
        hasLines={lines.length > 0}
        hasSeries={sum.seriesCount > 0}
        isBlank={painted?.frame.shownCount === 0}
        isComplete={isComplete}
        isZoomed={isZoomed}
        error={error}
      />
      <footer className={cardStyles.caption}>
        <span className={styles.fidelity} title={words || undefined}>
          {words}
        </span>
        <span>{axisLabel(axis)}</span>
      </footer>
    </article>
  );
}
