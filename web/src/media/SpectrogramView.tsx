/** A spectrogram over seconds and hertz, and how much of the sound has been played. */
import { useEffect, useRef } from "react";
import type { ThemeName } from "../chart/palette";
import { linearTicks } from "../chart/ticks";
import { isolated } from "../format/isolated";
import { formatValue } from "../format/number";
import styles from "./AudioPanel.module.css";
import { scaleColor } from "./color_scale";
import { AXIS_HEIGHT, AxisWords } from "./PlotParts";
import { RANGE_DECIBELS, type Spectrogram } from "./spectrogram";
import { useBox } from "./use_box";

const LEVELS = 256;
const Y_TICK_PIXELS = 32;
const X_TICK_PIXELS = 72;

interface SpectrogramViewProps {
  spectrogram: Spectrogram;
  /** How much of it has been played, in 0 to 1. */
  share: number;
  theme: ThemeName;
  label: string;
  height: number;
}

export function SpectrogramView({ spectrogram, share, theme, label, height }: SpectrogramViewProps) {
  const plot = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width } = useBox(plot);
  const { columns, rows, levels, durationSeconds, highestHertz } = spectrogram;
  const room = Math.max(0, height - AXIS_HEIGHT);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const colors = new Uint8ClampedArray(LEVELS * 4);
    for (let level = 0; level < LEVELS; level++) {
      colors.set([...scaleColor(theme, level / (LEVELS - 1)), 255], level * 4);
    }
    const palette = new Uint32Array(colors.buffer);
    const image = new ImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let column = 0; column < columns; column++) {
      // The highest frequency is on top.
      for (let row = 0; row < rows; row++) {
        pixels[(rows - 1 - row) * columns + column] = palette[levels[column * rows + row]];
      }
    }
    element.width = columns;
    element.height = rows;
    element.getContext("2d")!.putImageData(image, 0, 0);
  }, [columns, rows, levels, theme]);
  return (
    <div className={styles.spectrogram} style={{ height }}>
      <div className={styles.hertz} style={{ height: room }} aria-hidden="true">
        {linearTicks(0, highestHertz, Math.max(1, room / Y_TICK_PIXELS)).map(({ value, label: words }) => (
          <span key={value} style={{ top: room - (value / highestHertz) * room }}>
            {value === 0 ? "0 Hz" : words}
          </span>
        ))}
      </div>
      <div>
        <div
          ref={plot}
          className={styles.plot}
          style={{ height: room }}
          data-seek
          role="img"
          aria-label={isolated`Spectrogram of ${label}: 0 to ${formatValue(highestHertz)} Hz over ${formatValue(durationSeconds, 3)} s, the loudest and ${RANGE_DECIBELS} dB below it`}
        >
          <canvas ref={canvas} />
          <div className={styles.played} style={{ width: `${share * 100}%` }} />
        </div>
        <AxisWords
          ticks={linearTicks(0, durationSeconds, Math.max(1, width / X_TICK_PIXELS)).map(({ value, label: words }) => ({
            at: (value / durationSeconds) * width,
            text: `${words} s`,
          }))}
          width={width}
        />
      </div>
    </div>
  );
}
