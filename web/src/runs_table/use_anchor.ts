/**
 * Holds what is looked at in its place when rows come or go above it. At the top of the list nothing is held: there one wants to see
 * what is new.
 */
import { type RefObject, useLayoutEffect, useRef } from "react";
import type { RunLayout } from "../runs/group_rows";
import type { KnownRows } from "../runs/known_rows";
import type { Place } from "../table/next_place";

/** Where a run stands now; null where that is not known. */
export function positionOfRun(known: KnownRows, layout: RunLayout, run: string): number | null {
  for (const [index, row] of known.rows) {
    if (row.id !== run) continue;
    const position = layout.positionOf(index);
    return position < 0 ? null : position;
  }
  return null;
}

export function runAt(known: KnownRows, layout: RunLayout, position: number): string | null {
  if (position < 0 || position >= layout.rowCount) return null;
  const row = layout.row(position);
  return row.kind === "run" ? (known.rows.get(row.index)?.id ?? null) : null;
}

export function useAnchor(
  root: RefObject<HTMLElement | null>,
  rowHeight: number,
  known: KnownRows,
  layout: RunLayout,
  active: Place | null,
  setActive: (place: Place) => void,
): void {
  const before = useRef({ known, layout });
  useLayoutEffect(() => {
    const { known: old, layout: oldLayout } = before.current;
    before.current = { known, layout };
    const element = root.current;
    if (!element || old === known || old.key !== known.key) return;
    const wayOf = (position: number): number => {
      const run = runAt(old, oldLayout, position);
      const now = run === null ? null : positionOfRun(known, layout, run);
      return now === null ? 0 : now - position;
    };
    const first = Math.ceil(element.scrollTop / rowHeight);
    const way = first > 0 ? wayOf(first) : 0;
    if (way !== 0) element.scrollBy(0, way * rowHeight);
    if (active && active.row >= 0) {
      const moved = wayOf(active.row);
      if (moved !== 0) setActive({ ...active, row: active.row + moved });
    }
  }, [root, rowHeight, known, layout, active, setActive]);
}
