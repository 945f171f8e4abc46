/** All histograms of a key in a run as a heat map: steps across, values up. */
import { type MouseEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import type { Histograms } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { linearTicks } from "../chart/ticks";
import { formatCount, formatValue, plural } from "../format/number";
import { scaleColor } from "./color_scale";
import { heatPixels, placeIn } from "./histogram";
import type { HistogramScale } from "./histogram_scale";
import styles from "./HistogramOverSteps.module.css";
import { AXIS_HEIGHT, Hint, type HintPlace, AxisWords } from "./PlotParts";
import { stepsInWords, unbinnedInWords } from "./ridge";
import { useBox } from "./use_box";

/** The width of the words at the left, in pixels. */
export const GUTTER = 44;
const Y_TICK_PIXELS = 32;
const X_TICK_PIXELS = 72;
const COLORS = 255;

/** What the heat map and the ridges are given. */
export interface OverStepsProps {
  histograms: Histograms;
  scale: HistogramScale;
  /** The step that is chosen. */
  step: number;
  height: number;
  theme: ThemeName;
  /** Whether colours, or heights, are logarithmic. */
  isLog: boolean;
  chooseStep: (step: number) => void;
}

export function HistogramHeatMap({ histograms, scale, step, height, theme, isLog, chooseStep }: OverStepsProps) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const outer = useBox(root);
  const width = Math.max(0, outer.width - GUTTER);
  const room = Math.max(0, height - AXIS_HEIGHT);
  const [hover, setHover] = useState<(HintPlace & { column: number; bin: number }) | null>(null);
  const { edges, bins, counts, firstSteps, lastSteps } = histograms;
  const { low, high, first: firstStep, end: lastStep } = scale;

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
    const indices = heatPixels(histograms, across, down, COLORS, isLog, scale);
    element.width = across;
    element.height = down;
    const context = element.getContext("2d")!;
    const image = context.createImageData(across, down);
    const pixels = new Uint32Array(image.data.buffer);
    for (let at = 0; at < pixels.length; at++) pixels[at] = words[indices[at]];
    context.putImageData(image, 0, 0);
  }, [histograms, scale, width, room, theme, isLog]);

  const stepAt = (x: number) => firstStep + (x / width) * (lastStep - firstStep);
  const xOf = (one: number) => ((one - firstStep) / (lastStep - firstStep || 1)) * width;
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
  const unbinned = hover ? unbinnedInWords(histograms, hover.column) : [];
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
            aria-label={`${plural(histograms.histogramCount, "histogram")} over steps ${formatCount(firstSteps[0])} to ${formatCount(lastSteps[lastSteps.length - 1])}, values ${formatValue(edges[0])} to ${formatValue(edges[bins])}`}
          />
          <div className={styles.chosen} style={{ left: xOf(step) }} />
          {hover && (
            <Hint place={hover}>
              {`${stepsInWords(histograms, hover.column)} · ${formatValue(edges[hover.bin])} to ${formatValue(edges[hover.bin + 1])}: `}
              <b>{formatValue(counts[hover.column * bins + hover.bin])}</b>
              {unbinned.length > 0 && ` · ${unbinned.join(", ")}`}
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
