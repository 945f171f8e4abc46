/** All histograms of a key in a run as ridges: values across, early steps behind late ones. */
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import type { ThemeName } from "../chart/palette";
import { linearTicks } from "../chart/ticks";
import { isolated } from "../format/isolated";
import { formatValue } from "../format/number";
import { scaleColor } from "./color_scale";
import { binAt } from "./histogram";
import { GUTTER, type OverStepsProps } from "./HistogramHeatMap";
import styles from "./HistogramOverSteps.module.css";
import { AXIS_HEIGHT, AxisWords, Hint, type HintPlace } from "./PlotParts";
import {
  baselineOf,
  columnOf,
  drawnInWords,
  ridgeColumns,
  ridgeHeights,
  ridgeRoom,
  stepsInWords,
  unbinnedInWords,
} from "./ridge";
import { useBox } from "./use_box";

const X_TICK_PIXELS = 72;
const Y_TICK_PIXELS = 32;
// The scale of colours begins next to the ground of the page.
const FIRST_SHADE = 0.2;
// Room above the ridges for what is said of them.
const HEAD_HEIGHT = 16;

const LOOK: Record<ThemeName, { ground: string; ink: string; accent: string }> = {
  light: { ground: "#ffffff", ink: "#16181d", accent: "#1d5fd1" },
  dark: { ground: "#15171c", ink: "#e8eaee", accent: "#7eaaff" },
};

interface HistogramRidgesProps extends OverStepsProps {
  name: string;
  /** The column whose distribution is shown. */
  column: number;
  /** The column that is pointed at, or was gone to by keys; null for none. */
  pointed: number | null;
  point: (column: number | null) => void;
}

export function HistogramRidges(props: HistogramRidgesProps) {
  const { histograms, scale, step, height, theme, isLog, chooseStep, name, column, pointed, point } = props;
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = Math.max(0, useBox(root).width - GUTTER);
  const room = Math.max(0, height - AXIS_HEIGHT - HEAD_HEIGHT);
  const [hint, setHint] = useState<HintPlace | null>(null);
  const { rise, rowMax } = ridgeRoom(room);
  const columns = useMemo(() => ridgeColumns(histograms, rowMax), [histograms, rowMax]);
  const { edges, bins, counts, firstSteps, lastSteps } = histograms;
  const { low, high, first, last } = scale;
  const chosen = columnOf(histograms, step);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || width === 0 || room === 0) return;
    const ratio = devicePixelRatio;
    context.canvas.width = Math.round(width * ratio);
    context.canvas.height = Math.round(room * ratio);
    context.scale(ratio, ratio);
    context.lineJoin = "round";
    const { ground, ink, accent } = LOOK[theme];
    const xOf = (value: number) => ((value - low) / (high - low || 1)) * width;
    const drawRidge = (one: number, fill: string, stroke: string) => {
      const base = baselineOf(histograms, one, scale, room);
      const heights = ridgeHeights(histograms, one, scale, isLog);
      context.beginPath();
      context.moveTo(xOf(edges[0]), base);
      heights.forEach((share, bin) => context.lineTo(xOf((edges[bin] + edges[bin + 1]) / 2), base - share * rise));
      context.lineTo(xOf(edges[bins]), base);
      context.globalAlpha = 0.85;
      context.fillStyle = fill;
      context.fill();
      context.globalAlpha = 1;
      context.strokeStyle = stroke;
      context.stroke();
    };
    const shadeOf = (one: number) =>
      FIRST_SHADE + ((1 - FIRST_SHADE) * (firstSteps[one] - first)) / (last - first || 1);
    for (const one of columns) drawRidge(one, `rgb(${scaleColor(theme, shadeOf(one)).join()})`, ground);
    if (chosen !== column) drawRidge(chosen, "transparent", ink);
    // Above those in front of it: it is what a person looks at.
    drawRidge(column, accent, ink);
  }, [
    histograms,
    scale,
    columns,
    column,
    chosen,
    width,
    room,
    rise,
    theme,
    isLog,
    edges,
    bins,
    firstSteps,
    low,
    high,
    first,
    last,
  ]);

  const move = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const away = (one: number) => Math.abs(baselineOf(histograms, one, scale, room) - y);
    point(columns.reduce((nearest, one) => (away(one) < away(nearest) ? one : nearest)));
    setHint({ x, y, width });
  };
  const leave = () => {
    setHint(null);
    point(null);
  };
  const press = (event: KeyboardEvent<HTMLDivElement>) => {
    const after = columns.findIndex((one) => one > column);
    const before = columns.findLastIndex((one) => one < column);
    const end = columns.length - 1;
    const target: Record<string, number> = {
      ArrowDown: after < 0 ? end : after,
      ArrowRight: after < 0 ? end : after,
      ArrowUp: Math.max(0, before),
      ArrowLeft: Math.max(0, before),
      Home: 0,
      End: end,
    };
    setHint(null);
    if (event.key === "Enter") chooseStep(lastSteps[column]);
    else if (event.key === "Escape" && pointed !== null) point(null);
    else if (event.key in target) point(columns[target[event.key]]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const drawn = useMemo(() => drawnInWords(histograms, columns, scale), [histograms, columns, scale]);
  const bin = hint && binAt(edges, low + (hint.x / width) * (high - low));
  const unbinned = unbinnedInWords(histograms, column);
  const stepY = (at: number) => rise + ((at - first) / (last - first || 1)) * (room - rise);
  return (
    <div ref={root} className={styles.heat} style={{ height }}>
      <p className={styles.drawn} style={{ height: HEAD_HEIGHT, marginLeft: GUTTER }} title={drawn}>
        {drawn}
      </p>
      <div className={styles.values} style={{ width: GUTTER, height: room }} aria-hidden="true">
        {linearTicks(first, last, Math.max(2, (room - rise) / Y_TICK_PIXELS), "count").map(({ value, label }) => (
          <span key={value} style={{ top: Math.min(room - 8, stepY(value)) }}>
            {label}
          </span>
        ))}
      </div>
      <div style={{ marginLeft: GUTTER, width }}>
        <div
          className={styles.map}
          style={{ height: room }}
          role="slider"
          tabIndex={0}
          aria-label={isolated`Ridges of ${name}, ${drawn}`}
          aria-orientation="vertical"
          aria-valuemin={firstSteps[0]}
          aria-valuemax={lastSteps[lastSteps.length - 1]}
          aria-valuenow={firstSteps[column]}
          aria-valuetext={[stepsInWords(histograms, column), ...unbinned].join(", ")}
          onKeyDown={press}
          onPointerMove={move}
          onPointerLeave={leave}
          onBlur={leave}
          onClick={() => chooseStep(lastSteps[column])}
        >
          <canvas ref={canvas} aria-hidden="true" />
          {hint && (
            <Hint place={hint}>
              {stepsInWords(histograms, column)}
              {bin !== null && (
                <>
                  {` · ${formatValue(edges[bin])} to ${formatValue(edges[bin + 1])}: `}
                  <b>{formatValue(counts[column * bins + bin])}</b>
                </>
              )}
              {unbinned.length > 0 && ` · ${unbinned.join(", ")}`}
            </Hint>
          )}
        </div>
        <AxisWords
          ticks={
            low < high
              ? linearTicks(low, high, Math.max(2, width / X_TICK_PIXELS)).map(({ value, label }) => ({
                  at: ((value - low) / (high - low)) * width,
                  text: label,
                }))
              : []
          }
          width={width}
        />
      </div>
    </div>
  );
}
