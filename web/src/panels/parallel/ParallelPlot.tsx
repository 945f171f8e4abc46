/** The plot of parallel coordinates: brushes and the order of axes are a draft while a pointer drags, then part of the panel. */
import { type PointerEvent, useCallback, useMemo, useRef, useState } from "react";
import { navigate } from "wouter/use-browser-location";
import { useTheme } from "../../app/theme";
import { CHART_THEME, RUN_COLORS } from "../../chart/palette";
import { isolate, isolated } from "../../format/isolated";
import { formatCount, plural } from "../../format/number";
import { useBox } from "../../media/use_box";
import { runPath } from "../../url/route";
import { Canvas } from "../Canvas";
import { rampColor } from "../coloring";
import { type ColumnTable, columnTitle, formatColumn } from "../columns";
import type { PanelProps } from "../kind";
import panelStyles from "../Panel.module.css";
import { Tip } from "../Tip";
import { AxisBrush } from "./AxisBrush";
import { AxisHead } from "./AxisHead";
import { type AxisConfig, moveAxis, type ParallelConfig } from "./config";
import { drawAxes, drawKept, drawLeftOut, drawLine, type ParallelPicture } from "./draw";
import { axisModel, keptRuns, nearestLine } from "./model";
import styles from "./Parallel.module.css";

const MARGIN_X = 28;
const MARGIN_TOP = 8;
const MARGIN_BOTTOM = 10;
const REACH_PIXELS = 8;
const HEAD_WIDTH_MAX = 160;
// The address names each run that is shown alone.
const ONLY_MAX = 500;
// Colours along the last axis: lines of one colour are drawn together.
const RAMP_COLORS = 32;

interface Hover {
  run: number;
  x: number;
  y: number;
}

interface ParallelPlotProps extends PanelProps<ParallelConfig> {
  table: ColumnTable;
}

export function ParallelPlot({ project, runs, config: saved, change, changeView, table }: ParallelPlotProps) {
  const root = useRef<HTMLDivElement>(null);
  const { width, height } = useBox(root);
  const theme = useTheme();
  const [draft, setDraft] = useState<ParallelConfig | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const config = draft ?? saved;
  const isDraft = draft !== null;

  const axes = useMemo(() => config.axes.map((axis) => axisModel(axis, runs, table)), [config.axes, runs, table]);
  const kept = useMemo(() => keptRuns(axes, runs.length), [axes, runs.length]);
  const keptIds = useMemo(() => runs.filter((_, run) => kept[run]).map(({ id }) => id), [runs, kept]);
  const picture = useMemo((): ParallelPicture => {
    const gap = (width - 2 * MARGIN_X) / Math.max(1, axes.length - 1);
    const last = axes[axes.length - 1];
    const { min, max } = last.scale;
    const colors = RUN_COLORS[theme];
    const colorOf = (run: number) => {
      const share = last.shares[run];
      if (config.color === "runs") return runs[run].style.color;
      if (Number.isNaN(share)) return CHART_THEME[theme].muted;
      // Flipping an axis leaves its colours.
      const up = last.isFlipped ? 1 - share : share;
      if (last.kind === "text") return colors[Math.round(min + up * (max - min)) % colors.length];
      return rampColor(theme, Math.round(up * RAMP_COLORS) / RAMP_COLORS);
    };
    return {
      axes,
      runs,
      kept,
      colorOf,
      places: axes.map((_, index) => MARGIN_X + index * gap),
      top: MARGIN_TOP,
      bottom: Math.max(MARGIN_TOP + 1, height - MARGIN_BOTTOM),
      theme: CHART_THEME[theme],
      isDraft,
    };
  }, [axes, runs, kept, width, height, theme, config.color, isDraft]);

  const drawUnder = useCallback((context: CanvasRenderingContext2D) => drawLeftOut(context, picture), [picture]);
  const draw = useCallback((context: CanvasRenderingContext2D) => drawKept(context, picture), [picture]);
  const hovered = hover && hover.run < runs.length ? hover.run : null;
  const drawHovered = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (hovered !== null) drawLine(context, picture, hovered);
      drawAxes(context, picture);
    },
    [picture, hovered],
  );

  const withAxes = (next: readonly AxisConfig[]): ParallelConfig => ({ ...config, axes: next });
  const withAxis = (index: number, part: Partial<AxisConfig>) =>
    withAxes(config.axes.with(index, { ...config.axes[index], ...part }));
  const keep = (next: ParallelConfig) => {
    setDraft(null);
    change(next);
  };
  const { places, top, bottom } = picture;
  const gap = places.length > 1 ? places[1] - places[0] : width;
  const drag = (index: number, clientX: number) => {
    const x = clientX - root.current!.getBoundingClientRect().left;
    const to = Math.round((x - MARGIN_X) / gap);
    if (to !== index) setDraft(withAxes(moveAxis(config.axes, index, to)));
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    // Brushing: what is under the pointer does not matter.
    if (event.buttons !== 0) return setHover(null);
    const box = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const share = (bottom - y) / (bottom - top);
    const run = nearestLine(axes, kept, (x - MARGIN_X) / gap, share, REACH_PIXELS / (bottom - top));
    setHover(run === -1 ? null : { run, x, y });
  };
  const hasBrush = config.axes.some(({ range }) => range !== null);
  const headWidth = Math.min(HEAD_WIDTH_MAX, gap - 4, 2 * MARGIN_X + gap);
  const headLeft = (place: number) => Math.min(Math.max(0, place - headWidth / 2), Math.max(0, width - headWidth));
  return (
    <div className={panelStyles.root} data-testid="parallel" data-runs={runs.length} data-kept={keptIds.length}>
      <div className={styles.heads}>
        {width > 0 &&
          axes.map((axis, index) => (
            <AxisHead
              key={axis.column}
              axis={axis}
              left={headLeft(places[index])}
              width={headWidth}
              drag={(clientX) => drag(index, clientX)}
              drop={() => draft && keep(draft)}
              move={(by) => keep(withAxes(moveAxis(config.axes, index, index + by)))}
              flip={() => keep(withAxis(index, { isFlipped: !axis.isFlipped }))}
              toggleLog={() => keep(withAxis(index, { isLog: !axis.isLog }))}
            />
          ))}
      </div>
      <div
        ref={root}
        className={panelStyles.plot}
        role="group"
        aria-label={isolated`Parallel coordinates of ${plural(runs.length, "run")} over ${axes.map(({ column }) => isolate(columnTitle(column))).join(", ")}`}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setHover(null)}
        onDoubleClick={() => hovered !== null && navigate(runPath(project, runs[hovered].id))}
      >
        <Canvas width={width} height={height} draw={drawUnder} />
        <Canvas width={width} height={height} draw={draw} />
        <Canvas width={width} height={height} draw={drawHovered} />
        {width > 0 &&
          axes.map((axis, index) => (
            <AxisBrush
              key={axis.column}
              axis={axis}
              left={places[index]}
              top={top}
              height={bottom - top}
              draw={(range) => setDraft(withAxis(index, { range }))}
              set={(range) => keep(withAxis(index, { range }))}
            />
          ))}
        {hover && hovered !== null && (
          <Tip
            place={{ x: hover.x, y: hover.y, width, height }}
            title={runs[hovered].name}
            style={runs[hovered].style}
            rows={axes.map(({ column }) => [
              columnTitle(column),
              formatColumn(column, table.value(runs[hovered].id, column)),
            ])}
          />
        )}
      </div>
      <div className={panelStyles.foot}>
        <span className={panelStyles.grow} role="status">
          {hasBrush ? `${formatCount(keptIds.length)} of ${plural(runs.length, "run")}` : plural(runs.length, "run")}
        </span>
        {hasBrush && (
          <>
            <button
              type="button"
              disabled={keptIds.length === 0 || keptIds.length > ONLY_MAX}
              title={
                keptIds.length > ONLY_MAX
                  ? `An address holds up to ${formatCount(ONLY_MAX)} runs: brush fewer`
                  : "Hide all other runs of this view"
              }
              onClick={() => changeView({ only: keptIds }, "keep")}
            >
              Show only these
            </button>
            <button
              type="button"
              className="quiet"
              onClick={() => keep(withAxes(config.axes.map((axis) => ({ ...axis, range: null }))))}
            >
              Clear
            </button>
          </>
        )}
      </div>
    </div>
  );
}
