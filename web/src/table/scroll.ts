/**
 * Where rows stand in a scrolled list of any length.
 *
 * Browsers limit an element's height, so a long list's bar moves over a shorter track. Between jumps the rows follow the scrolling
 * pixel by pixel all the same: a row's place in the track is its place in the list plus `base`, which changes only with jumps.
 */

// Firefox stops at about 17.9 million pixels, Chromium at 33.5 million.
export const TRACK_HEIGHT_MAX = 15_000_000;

export interface Extent {
  /** Height of all rows, in pixels. */
  listHeight: number;
  /** Height of the element that is scrolled. */
  trackHeight: number;
  viewHeight: number;
}

export interface ScrollState {
  scrollTop: number;
  /** What is added to a row's place in the list; 0 as long as the track is as high as the list. */
  base: number;
}

export const TOP: ScrollState = { scrollTop: 0, base: 0 };

export function extentOf(rowCount: number, rowHeight: number, viewHeight: number): Extent {
  const listHeight = rowCount * rowHeight;
  return { listHeight, trackHeight: Math.min(listHeight, TRACK_HEIGHT_MAX), viewHeight };
}

const clamp = (value: number, max: number) => Math.min(Math.max(value, 0), Math.max(0, max));

const listRange = ({ listHeight, viewHeight }: Extent) => listHeight - viewHeight;
const trackRange = ({ trackHeight, viewHeight }: Extent) => trackHeight - viewHeight;

export const isScaled = (extent: Extent): boolean => extent.trackHeight < extent.listHeight;

/** The first pixel of the list that is seen. */
export const offsetOf = (extent: Extent, { scrollTop, base }: ScrollState): number =>
  clamp(scrollTop - base, listRange(extent));

/** The state in which the bar stands where this offset is in the whole of the list. */
export function stateAt(extent: Extent, offset: number): ScrollState {
  const inside = clamp(offset, listRange(extent));
  if (!isScaled(extent)) return { scrollTop: inside, base: 0 };
  const scrollTop = Math.round((inside / listRange(extent)) * trackRange(extent));
  return { scrollTop, base: scrollTop - inside };
}

/**
 * The state after the bar has gone to `scrollTop`: less than a view away, the rows follow by as many pixels; further, the list jumps to
 * the same share of itself. At either end of the track the list is at its end.
 */
export function follow(extent: Extent, before: ScrollState, scrollTop: number): ScrollState {
  if (!isScaled(extent)) return { scrollTop, base: 0 };
  const isAtEnd = scrollTop <= 0 || scrollTop >= trackRange(extent);
  const isNear = Math.abs(scrollTop - before.scrollTop) < extent.viewHeight;
  if (!isNear || isAtEnd) {
    const share = clamp(scrollTop / trackRange(extent), 1);
    return { scrollTop, base: scrollTop - share * listRange(extent) };
  }
  const offset = scrollTop - before.base;
  // The list has come to its end before the bar has.
  if (offset < 0) return { scrollTop, base: scrollTop };
  if (offset > listRange(extent)) return { scrollTop, base: scrollTop - listRange(extent) };
  return { scrollTop, base: before.base };
}

export interface RowSpan {
  first: number;
  /** One past the last. */
  end: number;
}

/** The rows that are seen, and `margin` more on each side. */
export function rowsAt(extent: Extent, state: ScrollState, rowHeight: number, margin: number): RowSpan {
  const rowCount = Math.round(extent.listHeight / rowHeight);
  const offset = offsetOf(extent, state);
  return {
    first: clamp(Math.floor(offset / rowHeight) - margin, rowCount),
    end: clamp(Math.ceil((offset + extent.viewHeight) / rowHeight) + margin, rowCount),
  };
}

/** The state that shows a row whole, moving as little as needed. */
export function reveal(extent: Extent, state: ScrollState, rowHeight: number, row: number): ScrollState {
  const offset = offsetOf(extent, state);
  const top = row * rowHeight;
  if (top < offset) return moved(extent, state, top);
  if (top + rowHeight > offset + extent.viewHeight) return moved(extent, state, top + rowHeight - extent.viewHeight);
  return state;
}

function moved(extent: Extent, state: ScrollState, offset: number): ScrollState {
  const scrollTop = offset + state.base;
  const isInTrack = scrollTop > 0 && scrollTop < trackRange(extent);
  const isNear = Math.abs(scrollTop - state.scrollTop) < extent.viewHeight;
  return isInTrack && isNear ? { scrollTop, base: state.base } : stateAt(extent, offset);
}

/** Left edges of columns, and behind them the right edge of the last. */
export function edgesOf(widths: readonly number[]): number[] {
  const edges = [0];
  for (const width of widths) edges.push(edges[edges.length - 1] + width);
  return edges;
}

/** The columns between two pixels: the first and one past the last. */
export function columnsAt(edges: readonly number[], left: number, right: number): RowSpan {
  const count = edges.length - 1;
  let first = 0;
  while (first < count && edges[first + 1] <= left) first++;
  let end = first;
  while (end < count && edges[end] < right) end++;
  return { first, end };
}
