/** Which rows and columns of a grid are near what is seen, as it is scrolled; and the ways to move it. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useBox } from "../media/use_box";
import {
  columnsAt,
  extentOf,
  follow,
  isScaled,
  offsetOf,
  reveal,
  rowsAt,
  type RowSpan,
  type ScrollState,
  stateAt,
  TOP,
} from "./scroll";

// Rows on either side that are there before they are seen.
const MARGIN_ROWS = 6;
// Columns this near the view are there already.
const MARGIN_COLUMNS = 200;
/** After so long without a scroll, the bar of a long list is put where its rows are. */
const SETTLE_MS = 150;

interface View {
  rows: RowSpan;
  columns: RowSpan;
  base: number;
}

export interface GridScroll extends View {
  trackHeight: number;
  viewHeight: number;
  /** The most rows that are in the page at a time. */
  poolSize: number;
  /** How many rows a page down moves. */
  pageRows: number;
  onScroll: () => void;
  toTop: () => void;
  reveal: (row: number, column: number) => void;
}

interface Measures {
  rowCount: number;
  rowHeight: number;
  headerHeight: number;
  /** What stays at the left, in pixels. */
  stickyWidth: number;
  edges: readonly number[];
}

const isSame = (a: View, b: View) =>
  a.base === b.base &&
  a.rows.first === b.rows.first &&
  a.rows.end === b.rows.end &&
  a.columns.first === b.columns.first &&
  a.columns.end === b.columns.end;

export function useScroll(ref: RefObject<HTMLElement | null>, measures: Measures): GridScroll {
  const { rowCount, rowHeight, headerHeight, stickyWidth, edges } = measures;
  const { width, height } = useBox(ref);
  const state = useRef<ScrollState>(TOP);
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined);
  const extent = useMemo(
    () => extentOf(rowCount, rowHeight, Math.max(0, height - headerHeight)),
    [rowCount, rowHeight, height, headerHeight],
  );
  const [view, setView] = useState<View>({ rows: { first: 0, end: 0 }, columns: { first: 0, end: 0 }, base: 0 });

  const look = useCallback(() => {
    const left = (ref.current?.scrollLeft ?? 0) + stickyWidth;
    const next = {
      rows: rowsAt(extent, state.current, rowHeight, MARGIN_ROWS),
      columns: columnsAt(edges, left - MARGIN_COLUMNS, left + width + MARGIN_COLUMNS),
      base: state.current.base,
    };
    setView((before) => (isSame(before, next) ? before : next));
  }, [ref, extent, rowHeight, stickyWidth, edges, width]);

  const move = useCallback(
    (next: ScrollState) => {
      if (!ref.current) return;
      state.current = next;
      // Rows and bar change within one frame, or the list would be seen to leap.
      flushSync(look);
      ref.current.scrollTop = next.scrollTop;
    },
    [ref, look],
  );

  // Another list, or another size: what was seen stays where it can.
  useLayoutEffect(() => {
    if (!ref.current) return;
    state.current = stateAt(extent, offsetOf(extent, state.current));
    ref.current.scrollTop = state.current.scrollTop;
    look();
  }, [ref, extent, look]);

  useEffect(() => () => clearTimeout(settling.current), []);

  const onScroll = useCallback(() => {
    const element = ref.current;
    if (!element) return;
    state.current = follow(extent, state.current, element.scrollTop);
    look();
    clearTimeout(settling.current);
    if (!isScaled(extent)) return;
    settling.current = setTimeout(() => {
      const settled = stateAt(extent, offsetOf(extent, state.current));
      if (settled.scrollTop !== state.current.scrollTop) move(settled);
    }, SETTLE_MS);
  }, [ref, extent, look, move]);

  const toTop = useCallback(() => move(TOP), [move]);

  const revealCell = useCallback(
    (row: number, column: number) => {
      const element = ref.current;
      if (!element) return;
      const next = reveal(extent, state.current, rowHeight, row);
      if (next !== state.current) move(next);
      const left = edges[column];
      const right = edges[column + 1];
      const seen = element.clientWidth - stickyWidth;
      if (left < element.scrollLeft) element.scrollLeft = left;
      else if (right > element.scrollLeft + seen) element.scrollLeft = right - seen;
    },
    [ref, extent, rowHeight, edges, stickyWidth, move],
  );

  return {
    ...view,
    trackHeight: extent.trackHeight,
    viewHeight: extent.viewHeight,
    poolSize: Math.ceil(extent.viewHeight / rowHeight) + 1 + 2 * MARGIN_ROWS,
    pageRows: Math.max(1, Math.floor(extent.viewHeight / rowHeight) - 1),
    onScroll,
    toTop,
    reveal: revealCell,
  };
}
