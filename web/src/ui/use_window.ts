/** Which rows of a long list of equal rows are near the screen: only those need to be in the page. */
import { type RefObject, useLayoutEffect, useState } from "react";

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
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const element = ref.current;
      if (!element) return;
      const top = element.getBoundingClientRect().top;
      const next = rowsInView(top, 0, innerHeight, rowHeight, rowCount, margin);
      setRows((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    // Scrolling is heard in any container; a change of the page's height moves lists without scrolling.
    document.addEventListener("scroll", soon, { capture: true, passive: true });
    addEventListener("resize", soon);
    const observer = new ResizeObserver(soon);
    observer.observe(document.body);
    if (ref.current?.parentElement?.parentElement) observer.observe(ref.current.parentElement.parentElement);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener("scroll", soon, { capture: true });
      removeEventListener("resize", soon);
      observer.disconnect();
    };
  }, [ref, rowCount, rowHeight, margin]);
  return rows;
}
