/** All histograms of a key in a run as a heat map over steps, and the chosen one as bars under it. */
import { type MouseEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import type { Histograms, LoggedRecord, RecordSeries } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { linearTicks } from "../chart/ticks";
import { recordStore } from "../data/page_store";
import { formatCount, formatValue, plural } from "../format/number";
import { scaleColor } from "./color_scale";
import { columnEdges, heatPixels, placeIn } from "./histogram";
import styles from "./HistogramOverSteps.module.css";
import { AXIS_HEIGHT, Hint, type HintPlace, AxisWords } from "./PlotParts";
import { RecordView } from "./RecordView";
import { useBox } from "./use_box";
import { useWatched } from "./use_watched";

// One grid for all cards: as many columns as a card of a wide screen has pixels to tell them apart, and the API's own bins.
const COLUMNS = 500;
const BINS = 64;
// How much of the height the heat map takes; the bars of the chosen step have the rest.
const HEAT_SHARE = 0.6;
const GUTTER = 44;
const Y_TICK_PIXELS = 32;
const X_TICK_PIXELS = 72;
const COLORS = 255;

interface HistogramOverStepsProps {
  series: RecordSeries;
  stepCount: number;
  shown: LoggedRecord;
  height: number;
  theme: ThemeName;
  isFullScreen: boolean;
  isLogColor: boolean;
  isActive: boolean;
  chooseStep: (step: number) => void;
}

export default function HistogramOverSteps(props: HistogramOverStepsProps) {
  const { series, stepCount, shown, height, theme, isFullScreen, isActive } = props;
  const hasMany = stepCount > 1;
  const question = { what: "histograms" as const, series, columns: COLUMNS, bins: BINS };
  useWatched(hasMany ? [question] : [], isActive);
  const bars = { document: shown.document, theme, isFullScreen };
  if (!hasMany) return <RecordView {...bars} height={height} />;
  const histograms = recordStore.histograms(series, COLUMNS, BINS);
  const error = recordStore.error(question);
  const heatHeight = Math.round(height * HEAT_SHARE);
  return (
    <>
      <div style={{ height: heatHeight }}>
        {histograms && <HeatMap {...props} histograms={histograms} step={shown.step} height={heatHeight} />}
        {!histograms && error && <p className={styles.words}>{`Could not be read: ${error.message}`}</p>}
      </div>
      <div className={styles.bars}>
        <RecordView {...bars} height={height - heatHeight} />
      </div>
    </>
  );
}

interface HeatMapProps extends Pick<HistogramOverStepsProps, "height" | "theme" | "isLogColor" | "chooseStep"> {
  histograms: Histograms;
  step: number;
}

function HeatMap({ histograms, step, height, theme, isLogColor, chooseStep }: HeatMapProps) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const outer = useBox(root);
  const width = Math.max(0, outer.width - GUTTER);
  const room = Math.max(0, height - AXIS_HEIGHT);
  const [hover, setHover] = useState<(HintPlace & { column: number; bin: number }) | null>(null);
  const steps = useMemo(() => columnEdges(histograms), [histograms]);
  const { edges, bins, counts, firstSteps, lastSteps, nanCounts, infiniteCounts } = histograms;

  useEffect(() => {
    const element = canvas.current;
    if (!element || width === 0 || room === 0) return;
    const across = Math.round(width * devicePixelRatio);
    const down = Math.round(room * devicePixelRatio);
    const palette = new Uint8ClampedArray((COLORS + 1) * 4);
    for (let color = 1; color <= COLORS; color++) {
      palette.set([...scaleColor(theme, (color - 1) / (COLORS - 1)), 255], color * 4);
    }
    const words = new Uint32Array(palette.buffer);
    const indices = heatPixels(histograms, across, down, COLORS, isLogColor);
    element.width = across;
    element.height = down;
    const context = element.getContext("2d")!;
    const image = context.createImageData(across, down);
    const pixels = new Uint32Array(image.data.buffer);
    for (let at = 0; at < pixels.length; at++) pixels[at] = words[indices[at]];
    context.putImageData(image, 0, 0);
  }, [histograms, width, room, theme, isLogColor]);

  if (steps.length === 0) return <p className={styles.words}>No histogram has been encoded yet.</p>;
  const [firstStep, lastStep] = [steps[0], steps[steps.length - 1]];
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const stepAt = (x: number) => firstStep + (x / width) * (lastStep - firstStep);
  const xOf = (one: number) => ((one - firstStep) / (lastStep - firstStep)) * width;
  const yOf = (value: number) => room - ((value - low) / (high - low || 1)) * room;

  const placeOf = (event: MouseEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const { x, y } = placeOf(event);
    const place = placeIn(histograms, stepAt(x), low + ((room - y) / room) * (high - low));
    setHover(place && { ...place, x, y, width });
  };
  const choose = (event: MouseEvent<HTMLDivElement>) => {
    const place = placeIn(histograms, stepAt(placeOf(event).x), low);
    if (place) chooseStep(lastSteps[place.column]);
  };
  const stepsText = (column: number) =>
    firstSteps[column] === lastSteps[column]
      ? `step ${formatCount(firstSteps[column])}`
      : `steps ${formatCount(firstSteps[column])} to ${formatCount(lastSteps[column])}`;
  const nonfinite = hover
    ? [
        nanCounts[hover.column] > 0 ? `${formatValue(nanCounts[hover.column])} NaN` : "",
        infiniteCounts[hover.column] > 0 ? `${formatValue(infiniteCounts[hover.column])} infinite` : "",
      ].filter((text) => text !== "")
    : [];
  return (
    <div ref={root} className={styles.heat} style={{ height }}>
      <div className={styles.values} style={{ width: GUTTER, height: room }} aria-hidden="true">
        {low < high &&
          linearTicks(low, high, Math.max(2, room / Y_TICK_PIXELS)).map(({ value, label }) => (
            <span key={value} style={{ top: Math.min(room - 8, Math.max(8, yOf(value))) }}>
              {label}
            </span>
          ))}
      </div>
      <div style={{ marginLeft: GUTTER, width }}>
        <div
          className={styles.map}
          style={{ height: room }}
          onPointerMove={move}
          onPointerLeave={() => setHover(null)}
          onClick={choose}
        >
          <canvas
            ref={canvas}
            role="img"
            aria-label={`${plural(histograms.histogramCount, "histogram")} over steps ${formatCount(firstStep)} to ${formatCount(lastSteps[lastSteps.length - 1])}, values ${formatValue(low)} to ${formatValue(high)}`}
          />
          <div className={styles.chosen} style={{ left: xOf(step) }} />
          {hover && (
            <Hint place={hover}>
              {`${stepsText(hover.column)} · ${formatValue(edges[hover.bin])} to ${formatValue(edges[hover.bin + 1])}: `}
              <b>{formatValue(counts[hover.column * bins + hover.bin])}</b>
              {nonfinite.length > 0 && ` · ${nonfinite.join(", ")}`}
            </Hint>
          )}
        </div>
        <AxisWords
          ticks={linearTicks(firstStep, lastStep, Math.max(2, width / X_TICK_PIXELS), "count").map(
            ({ value, label }) => ({ at: xOf(value), text: label }),
          )}
          width={width}
        />
      </div>
    </div>
  );
}
