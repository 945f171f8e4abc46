/** The place the pointer is at, shared by all charts of the page: each with the same x axis draws a line there. */
import type { XAxis } from "../api/series";
import type { Chart } from "../chart/chart";
import type { Hit } from "../chart/hit";

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
  /** How the runs of a group become one line; null where the chart has no groups. */
  aggregate: string | null;
  /** Highlights what a line shows; null where there is nothing to highlight. */
  pick: ((seriesId: string) => void) | null;
  /** What lies there, nearest first: found when first asked, for all who draw it. */
  hits: () => readonly Hit[];
}

// After this long without a move the pointer rests: a person looks now.
const REST_MS = 80;
// What costs most, words and dots, follows a moving pointer 25 times a second: more cannot be read.
const FULL_MS = 40;

let cursor: Cursor | null = null;
let pinned: Cursor | null = null;
let isResting = false;
let isPartial = false;
let fullTime = 0;
let restTimer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

export const getCursor = (): Cursor | null => cursor;

/** The place whose values a person keeps on the screen. */
export const getPinned = (): Cursor | null => pinned;

/** Whether the cursor stays where it is; all who draw it are told when that begins and ends. */
export const isAtRest = (): boolean => isResting;

/** Whether what is not looked at may leave this move out, so soon after one that all have followed. */
export const isBetween = (): boolean => !isResting && isPartial;

export function setCursor(next: Cursor | null): void {
  if (next === cursor) return;
  cursor = next;
  isResting = false;
  const now = performance.now();
  isPartial = next !== null && now - fullTime < FULL_MS;
  if (!isPartial) fullTime = now;
  clearTimeout(restTimer);
  if (next) {
    restTimer = setTimeout(() => {
      isResting = true;
      tell();
    }, REST_MS);
  }
  tell();
}

/** Keeps the values under the cursor on the screen, or lets them go where they are kept. */
export function togglePin(): void {
  if (!pinned && !cursor) return;
  pinned = pinned ? null : cursor;
  tell();
}

export function unpin(): void {
  if (!pinned) return;
  pinned = null;
  tell();
}

/** Forgets a chart that is no longer there. */
export function forgetChart(chart: Chart): void {
  if (pinned?.source === chart) unpin();
  if (cursor?.source === chart) setCursor(null);
}

function tell(): void {
  for (const listener of listeners) listener();
}

export function subscribeCursor(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
