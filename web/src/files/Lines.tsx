/** A long list of lines of one height, of which only those near the screen are in the page. */
import { type ReactNode, useRef } from "react";
import { useWindow } from "../ui/use_window";
import styles from "./Lines.module.css";

interface LinesProps {
  count: number;
  label: string;
  /** The characters of the longest line: as far as the list scrolls sideways. */
  widthInCharacters: number;
  /** The line at a place, from 0. */
  children: (place: number) => ReactNode;
}

export const LINE_HEIGHT = 20;
const MARGIN_PIXELS = 400;
/** Browsers draw nothing that is higher than about thirty million pixels. */
export const LINES_MAX = 1_000_000;

export function Lines({ count, label, widthInCharacters, children }: LinesProps) {
  const track = useRef<HTMLDivElement>(null);
  const { first, end } = useWindow(track, count, LINE_HEIGHT, MARGIN_PIXELS);
  return (
    // What scrolls must be reachable by keyboard.
    <div className={styles.lines} role="region" aria-label={label} tabIndex={0}>
      <div
        ref={track}
        className={styles.track}
        style={{ height: count * LINE_HEIGHT, minWidth: `calc(${widthInCharacters}ch + 32px)` }}
      >
        <div className={styles.block} style={{ transform: `translateY(${first * LINE_HEIGHT}px)` }}>
          {Array.from({ length: Math.max(0, end - first) }, (_, index) => children(first + index))}
        </div>
      </div>
    </div>
  );
}
