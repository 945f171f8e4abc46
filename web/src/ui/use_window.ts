/** Which rows of a long list of equal rows are near the screen: only those need to be in the page. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useState } from "react";

export interface RowWindow {
  first: number;
  /** One past the last. */
  end: number;
}

/** The rows within `margin` pixels of what is between `viewTop` and `viewBottom`, for a list that begins at `top`. */
export function rowsInView(
  top: number,
  viewTop: number,
  viewBottom: number,
  rowHeight: number,
  rowCount: number,
  margin: number,
): RowWindow {
  const clamp = (row: number) => Math.min(rowCount, Math.max(0, row));
  return {
    first: clamp(Math.floor((viewTop - margin - top) / rowHeight)),
    end: clamp(Math.ceil((viewBottom + margin - top) / rowHeight)),
  };
}

export function useWindow(
  ref: RefObject<HTMLElement | null>,
  rowCount: number,
  rowHeight: number,
  margin: number,
): RowWindow {
  const [rows, setRows] = useState<RowWindow>({ first: 0, end: Math.min(rowCount, 1) });

  const look = useCallback(() => {
    const element = ref.current;
    if (!element) return;
    const next = rowsInView(element.getBoundingClientRect().top, 0, innerHeight, rowHeight, rowCount, margin);
    setRows((before) => (before.first === next.first && before.end === next.end ? before : next));
  }, [ref, rowCount, rowHeight, margin]);

  // After each render: a section folded above moves the list without any scrolling.
  useLayoutEffect(look);

  useEffect(() => {
    let frame = 0;
    const soon = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        look();
      });
    };
    // Scrolling is heard in any container.
    document.addEventListener("scroll", soon, { capture: true, passive: true });
    addEventListener("resize", soon);
    const observer = new ResizeObserver(soon);
    observer.observe(document.body);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener("scroll", soon, { capture: true });
      removeEventListener("resize", soon);
      observer.disconnect();
    };
  }, [look]);
  return rows;
}
