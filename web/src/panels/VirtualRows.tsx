/** A scrolled list of equal rows that fills its box: only those near the view are in the page. */
import { type ReactNode, useRef, useState } from "react";
import { useBox } from "../media/use_box";
import { rowsInView } from "../ui/use_window";
import styles from "./VirtualRows.module.css";

const MARGIN_PIXELS = 120;

interface VirtualRowsProps {
  label: string;
  count: number;
  rowHeight: number;
  row: (index: number) => ReactNode;
}

export function VirtualRows({ label, count, rowHeight, row }: VirtualRowsProps) {
  const root = useRef<HTMLDivElement>(null);
  const { height } = useBox(root);
  const [top, setTop] = useState(0);
  const { first, end } = rowsInView(-top, 0, height, rowHeight, count, MARGIN_PIXELS);
  return (
    // What scrolls must be reachable by keyboard.
    <div
      ref={root}
      className={styles.list}
      role="list"
      aria-label={label}
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div style={{ height: count * rowHeight }} role="presentation">
        <div style={{ transform: `translateY(${first * rowHeight}px)` }} role="presentation">
          {Array.from({ length: Math.max(0, end - first) }, (_, index) => (
            <div key={first + index} role="listitem" aria-setsize={count} aria-posinset={first + index + 1}>
              {row(first + index)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
