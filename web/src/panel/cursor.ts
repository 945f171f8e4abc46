/** The place the pointer is at, shared by all charts of the page: each with the same x axis draws a line there. */
import type { XAxis } from "../api/series";
import type { Chart } from "../chart/chart";

export interface Cursor {
  axis: XAxis;
  /** On the axis itself, not counted from any chart's base. */
  x: number;
  /** The chart the pointer is in, and where. */
  source: Chart;
  sourceX: number;
  /** Null when the cursor was moved by keys. */
  pixelY: number | null;
  clientX: number;
  clientY: number;
  nameOf: (seriesId: string) => string;
}

let cursor: Cursor | null = null;
const listeners = new Set<() => void>();

export const getCursor = (): Cursor | null => cursor;

export function setCursor(next: Cursor | null): void {
  if (next === cursor) return;
  cursor = next;
  for (const listener of listeners) listener();
}

export function subscribeCursor(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
