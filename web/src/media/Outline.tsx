/** The waveform of a sound, and how much of it has been played. */
import { useEffect, useRef } from "react";
import { CHART_THEME, type ThemeName } from "../chart/palette";
import { isolated } from "../format/isolated";
import styles from "./AudioPanel.module.css";
import { useBox } from "./use_box";
import type { Waveform } from "./waveform";

interface OutlineProps {
  waveform: Waveform;
  /** How much of it has been played, in 0 to 1. */
  share: number;
  theme: ThemeName;
  label: string;
}

export function Outline({ waveform, share, theme, label }: OutlineProps) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = useBox(root);
  useEffect(() => {
    const element = canvas.current;
    if (!element || width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const context = element.getContext("2d")!;
    context.scale(ratio, ratio);
    context.fillStyle = CHART_THEME[theme].muted;
    const { lows, highs } = waveform;
    const step = 1 / ratio;
    const middle = height / 2;
    for (let x = 0; x < width; x += step) {
      const from = Math.floor((x / width) * lows.length);
      const end = Math.min(lows.length, Math.max(from + 1, Math.ceil(((x + step) / width) * lows.length)));
      let [low, high] = [Infinity, -Infinity];
      for (let part = from; part < end; part++) {
        low = Math.min(low, lows[part]);
        high = Math.max(high, highs[part]);
      }
      if (low > high) continue;
      const top = middle - high * middle;
      // Silence is a line and not nothing.
      context.fillRect(x, top, step, Math.max(step, (high - low) * middle));
    }
  }, [waveform, width, height, theme]);
  return (
    <div ref={root} className={styles.outline} data-seek role="img" aria-label={isolated`Waveform of ${label}`}>
      <canvas ref={canvas} />
      <div className={styles.played} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
