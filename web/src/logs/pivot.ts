/** Which rows of a list are seen, worked out from the edges of those that are in the page. Pure. */

/** A row and how far below the top of the view it begins; or that the end of the list is at the end of the view. */
export type Pivot = { row: number; y: number } | "end";

export interface Coverage {
  /** The first row that is seen, counted from the first in the page. */
  row: number;
  /** One past the last. */
  endRow: number;
}

/**
 * @param edges the tops of the rows in the page, and behind them the bottom of the last.
 * @param from the first pixel that is seen, from the top of the first row.
 */
export function coverage(edges: readonly number[], from: number, viewHeight: number): Coverage {
  const count = edges.length - 1;
  const row = Math.min(Math.max(0, firstAbove(edges, from) - 1), Math.max(0, count - 1));
  const endRow = Math.min(count, firstAtLeast(edges, from + viewHeight));
  return { row, endRow: Math.max(endRow, Math.min(count, row + 1)) };
}

/** The first edge above a pixel, in the sense of a larger number. */
function firstAbove(edges: readonly number[], pixel: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= pixel) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstAtLeast(edges: readonly number[], pixel: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] < pixel) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What is seen when the bar is at a share of its way: the same share of the list at the same share of the view, so that either end of the
 * bar is an end of the list.
 */
export function lineAt(
  share: number,
  rowCount: number,
  viewHeight: number,
  rowHeight: number,
): { row: number; y: number } {
  const place = share * rowCount;
  const row = Math.min(Math.floor(place), Math.max(0, rowCount - 1));
  return { row, y: share * viewHeight - (place - row) * rowHeight };
}

/** The share of its way at which the bar belongs for what is seen: `lineAt` the other way round. */
export function shareAt(
  edges: readonly number[],
  firstRow: number,
  offset: number,
  rowCount: number,
  viewHeight: number,
): number {
  if (rowCount === 0) return 0;
  // How far the list has come at a pixel of the view, in rows.
  const placeAt = (pixel: number) => {
    const index = Math.min(Math.max(0, firstAbove(edges, pixel - offset) - 1), edges.length - 2);
    const height = edges[index + 1] - edges[index];
    return firstRow + index + (height > 0 ? (pixel - offset - edges[index]) / height : 0);
  };
  let low = 0;
  let high = 1;
  for (let round = 0; round < 40; round++) {
    const middle = (low + high) / 2;
    if (placeAt(middle * viewHeight) > middle * rowCount) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
