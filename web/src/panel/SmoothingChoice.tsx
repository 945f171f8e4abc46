/** Chooses the smoothing of all charts; moving the slider asks the daemon only once it rests. */
import { useEffect, useState } from "react";
import type { SeriesSmoothing } from "../api/series";
import type { ChangeView } from "../url/use_view";
import styles from "./Toolbar.module.css";

interface SmoothingChoiceProps {
  smoothing: SeriesSmoothing | null;
  changeView: ChangeView;
}

const REST_MS = 150;

const AMOUNTS = {
  ema: { min: 0, max: 0.99, step: 0.01, first: 0.6, label: "Weight of the past" },
  gaussian: { min: 1, max: 200, step: 1, first: 10, label: "Window in points" },
  running_mean: { min: 1, max: 200, step: 1, first: 10, label: "Window in points" },
} as const;

export function SmoothingChoice({ smoothing, changeView }: SmoothingChoiceProps) {
  const [moved, setMoved] = useState<number | null>(null);

  useEffect(() => {
    if (moved === null || !smoothing) return;
    const timer = setTimeout(() => {
      setMoved(null);
      changeView({ smoothing: { kind: smoothing.kind, amount: moved } });
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [moved, smoothing, changeView]);

  const onKind = (kind: string) => {
    setMoved(null);
    changeView({
      smoothing:
        kind === "none"
          ? null
          : { kind: kind as SeriesSmoothing["kind"], amount: AMOUNTS[kind as SeriesSmoothing["kind"]].first },
    });
  };

  const amounts = smoothing && AMOUNTS[smoothing.kind];
  const amount = moved ?? smoothing?.amount ?? 0;
  return (
    <span className={styles.choice}>
      <label className={styles.choice}>
        Smoothing
        <select value={smoothing?.kind ?? "none"} onChange={(event) => onKind(event.target.value)}>
          <option value="none">none</option>
          <option value="ema">EMA</option>
          <option value="gaussian">Gaussian</option>
          <option value="running_mean">running mean</option>
        </select>
      </label>
      {amounts && (
        <>
          <input
            className={styles.amount}
            type="range"
            min={amounts.min}
            max={amounts.max}
            step={amounts.step}
            value={amount}
            aria-label={amounts.label}
            title={amounts.label}
            onChange={(event) => setMoved(event.target.valueAsNumber)}
          />
          <output className={styles.number}>{amount}</output>
        </>
      )}
    </span>
  );
}
