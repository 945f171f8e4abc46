/** The lines of a console, of which only those near the view are in the page. */
import {
  type MouseEvent,
  type Ref,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { flushSync } from "react-dom";
import type { ConsoleLine } from "../api/types";
import { useTheme } from "../app/theme";
import { useBox } from "../media/use_box";
import { ArrowDownIcon } from "../ui/icons";
import type { LinePages } from "./line_pages";
import styles from "./LogList.module.css";
import { LogScroller } from "./log_scroller";
import { LogRow } from "./LogRow";

/** Pages are asked for at most this often while the list is scrolled past them. */
const LOOK_INTERVAL_MS = 60;

export interface LogListHandle {
  /** Shows a row of the list. */
  reveal: (row: number) => void;
  /** The row at the top of the view. */
  topRow: () => number;
  view: () => { isAtEnd: boolean };
}

interface LogListProps {
  ref: Ref<LogListHandle>;
  pages: LinePages;
  /** When given, these lines make the list. */
  only: readonly ConsoleLine[] | null;
  expression: RegExp | null;
  /** The number of the line that stands out, from 0. */
  current: number | null;
  isWrapped: boolean;
  hasTimes: boolean;
  /** The row to begin with; null for the end. */
  startRow: number | null;
  /** Told of a press on a line's number. */
  onNumber: (number: number) => void;
}

export function LogList(props: LogListProps) {
  const { ref, pages, only, expression, current, isWrapped, hasTimes, startRow, onNumber } = props;
  const root = useRef<HTMLDivElement>(null);
  const block = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const rowCount = only ? only.length : pages.lineCount;
  const { width, height } = useBox(root);
  const [scroller] = useState(() => new LogScroller(startRow, rowCount, flushSync));
  const scroll = useSyncExternalStore(scroller.subscribe, scroller.view);
  const [isSideways, setSideways] = useState(false);
  useLayoutEffect(() => scroller.attach(root.current!, block.current!), [scroller]);
  useLayoutEffect(() => scroller.rendered(rowCount, width, height));
  useLook(only ? null : pages, scroll.first, scroll.end);
  useImperativeHandle(ref, () => scroller, [scroller]);

  const onClick = (event: MouseEvent) => {
    const cell = (event.target as Element).closest(`.${styles.block} [data-line] > :first-child`);
    const number = cell?.parentElement?.dataset.line;
    if (number) onNumber(Number(number) - 1);
  };

  const digits = String(pages.lineCount).length;
  return (
    <div className={styles.frame} style={{ "--number-width": `calc(${digits}ch + 20px)` } as React.CSSProperties}>
      <div
        ref={root}
        className={styles.list}
        role="region"
        aria-label="Console"
        data-testid="console"
        data-lines={rowCount}
        data-wrapped={isWrapped}
        data-sideways={isSideways}
        onScroll={({ currentTarget }) => setSideways(currentTarget.scrollLeft > 0)}
        tabIndex={0}
        onClick={onClick}
      >
        <div className={styles.track} style={{ height: scroll.trackHeight }}>
          <div ref={block} className={styles.block}>
            {Array.from({ length: Math.max(0, Math.min(scroll.end, rowCount) - scroll.first) }, (_, index) => {
              const row = scroll.first + index;
              const line = only ? only[row] : pages.line(row);
              const number = only ? only[row][0] : row;
              return (
                <LogRow
                  key={number}
                  number={number}
                  line={line}
                  expression={expression}
                  theme={theme}
                  hasTime={hasTimes}
                  isCurrent={number === current}
                />
              );
            })}
          </div>
        </div>
      </div>
      {!scroll.isAtEnd && rowCount > 0 && (
        <button type="button" className={styles.toEnd} onClick={scroller.toEnd}>
          <ArrowDownIcon />
          Jump to the end
        </button>
      )}
    </div>
  );
}

/** Tells the pages which lines are looked at, no more often than it helps. */
function useLook(pages: LinePages | null, first: number, end: number): void {
  const newest = useRef({ pages, first, end });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  // After each render: what the pages hold may have changed as well.
  useEffect(() => {
    newest.current = { pages, first, end };
    if (timer.current !== undefined) return;
    const wait = Math.max(0, last.current + LOOK_INTERVAL_MS - performance.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      last.current = performance.now();
      newest.current.pages?.look(newest.current);
    }, wait);
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
