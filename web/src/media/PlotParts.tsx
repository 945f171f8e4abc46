/** Parts that small plots share: the words at an axis, and what the pointer is at. */
import type { ReactNode } from "react";
import styles from "./PlotParts.module.css";

/** The height of the words under a plot, in pixels. */
export const AXIS_HEIGHT = 16;

interface AxisWordsProps {
  /** Where each stands, in pixels from the left. */
  ticks: readonly { at: number; text: string }[];
  width: number;
}

// Half of a label's usual width: nearer to an end it is set against it.
const LABEL_HALF = 20;

export function AxisWords({ ticks, width }: AxisWordsProps) {
  return (
    <div className={styles.axis} style={{ height: AXIS_HEIGHT }} aria-hidden="true">
      {width > 0 &&
        ticks.map(({ at, text }) => (
          <span
            key={text}
            style={{ left: at }}
            data-end={at < LABEL_HALF ? "start" : at > width - LABEL_HALF ? "end" : undefined}
          >
            {text}
          </span>
        ))}
    </div>
  );
}

/** Where the pointer is, in a box of a width. */
export interface HintPlace {
  x: number;
  y: number;
  width: number;
}

// Above or under the pointer and not beneath it.
const HINT_DISTANCE = 16;
const HINT_HEIGHT = 28;

export function Hint({ place, children }: { place: HintPlace; children: ReactNode }) {
  const isAbove = place.y >= HINT_HEIGHT + HINT_DISTANCE;
  return (
    <div
      className={styles.hint}
      role="tooltip"
      style={{
        left: place.x,
        top: isAbove ? place.y - HINT_HEIGHT - HINT_DISTANCE : place.y + HINT_DISTANCE,
        // Moved to the left by the pointer's share of the width: never past either end.
        transform: `translateX(${(-100 * place.x) / place.width}%)`,
      }}
    >
      {children}
    </div>
  );
}
