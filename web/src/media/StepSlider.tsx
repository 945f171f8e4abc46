/** Chooses one of the logged steps, or the latest, which follows a running run. */
import { ChevronIcon } from "../ui/icons";
import { formatCount } from "../format/number";
import styles from "./StepSlider.module.css";
import { positionOf } from "./steps";

interface StepSliderProps {
  /** What is chosen a step of. */
  name: string;
  /** Ascending, at least one. */
  steps: readonly number[];
  /** Null for the latest. */
  chosen: number | null;
  choose: (step: number | null) => void;
}

export function StepSlider({ name, steps, chosen, choose }: StepSliderProps) {
  const last = steps.length - 1;
  const position = positionOf(steps, chosen);
  const step = steps[position];
  const go = (next: number) => choose(steps[Math.min(last, Math.max(0, next))]);
  if (last === 0) {
    return (
      <div className={styles.slider}>
        <output className={styles.step}>step {formatCount(step)}</output>
      </div>
    );
  }
  return (
    <div className={styles.slider} role="group" aria-label={`Step of ${name}`}>
      <button
        type="button"
        className={`quiet icon ${styles.back}`}
        aria-label="Previous step"
        disabled={position === 0}
        onClick={() => go(position - 1)}
      >
        <ChevronIcon />
      </button>
      <input
        type="range"
        min={0}
        max={last}
        step={1}
        value={position}
        aria-label="Step"
        aria-valuetext={`step ${step}`}
        onChange={(event) => go(Number(event.target.value))}
      />
      <button
        type="button"
        className="quiet icon"
        aria-label="Next step"
        disabled={position === last}
        onClick={() => go(position + 1)}
      >
        <ChevronIcon />
      </button>
      <output className={styles.step} style={{ minWidth: `${formatCount(steps[last]).length + 5}ch` }}>
        step {formatCount(step)}
      </output>
      <button
        type="button"
        className={`quiet ${styles.latest}`}
        aria-pressed={chosen === null}
        title="Follow the latest step"
        onClick={() => choose(chosen === null ? step : null)}
      >
        latest
      </button>
    </div>
  );
}
