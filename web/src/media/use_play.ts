/** Goes on from step to step by itself, as long as a person lets it, and stops at the last. */
import { useEffect, useState } from "react";

const STEP_MS = 500;
// Who wants less movement sees each step for longer.
const CALM_STEP_MS = 2000;

export interface Play {
  isPlaying: boolean;
  toggle: () => void;
  stop: () => void;
}

/** Plays positions up to the last; begun at the last, it begins anew at the first. */
export function usePlay(position: number, last: number, go: (position: number) => void): Play {
  const [isOn, setOn] = useState(false);
  const isPlaying = isOn && position < last;
  useEffect(() => {
    if (!isPlaying) return;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setTimeout(
      () => {
        go(position + 1);
        if (position + 1 >= last) setOn(false);
      },
      isCalm ? CALM_STEP_MS : STEP_MS,
    );
    return () => clearTimeout(timer);
  }, [isPlaying, position, last, go]);
  return {
    isPlaying,
    toggle: () => {
      if (!isPlaying && position >= last) go(0);
      setOn(!isPlaying);
    },
    stop: () => setOn(false),
  };
}
