/** Chooses one of the logged steps, or the latest, which follows a running run. */
import { useCallback } from "react";
import { isolated } from "../format/isolated";
import { ChevronIcon, PauseIcon, PlayIcon } from "../ui/icons";
import { formatCount } from "../format/number";
import styles from "./StepSlider.module.css";
import { positionOf, stepInWords } from "./steps";
import { usePlay } from "./use_play";

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
  const go = useCallback(
    (next: number) => choose(steps[Math.min(steps.length - 1, Math.max(0, next))]),
    [steps, choose],
  );
  const play = usePlay(position, last, go);
  const goByHand = (next: number) => {
    play.stop();
    go(next);
  };
  if (last === 0) {
    return (
      <div className={styles.slider}>
        <output className={styles.step}>{stepInWords(step, chosen)}</output>
      </div>
    );
  }
  return (
    <div className={styles.slider} role="group" aria-label={isolated`Step of ${name}`}>
      <button
        type="button"
        className="quiet icon"
        aria-label={play.isPlaying ? "Pause" : "Play the steps"}
        title={play.isPlaying ? "Pause" : "Play the steps"}
        onClick={play.toggle}
      >
        {play.isPlaying ? <PauseIcon /> : <PlayIcon />}
      </button>
      <button
        type="button"
        className={`quiet icon ${styles.back}`}
        aria-label="Previous step"
        disabled={position === 0}
        onClick={() => goByHand(position - 1)}
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
        onChange={(event) => goByHand(Number(event.target.value))}
      />
      <button
        type="button"
        className="quiet icon"
        aria-label="Next step"
        disabled={position === last}
        onClick={() => goByHand(position + 1)}
      >
        <ChevronIcon />
      </button>
      <output
        className={styles.step}
        style={{ minWidth: `${formatCount(steps[last]).length + 5}ch` }}
        title={stepInWords(step, chosen)}
      >
        {stepInWords(step, chosen)}
      </output>
      <button
        type="button"
        className={`quiet ${styles.latest}`}
        aria-pressed={chosen === null}
        title="Follow the latest step"
        onClick={() => {
          play.stop();
          choose(chosen === null ? step : null);
        }}
      >
        latest
      </button>
    </div>
  );
}
