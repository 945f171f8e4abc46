/** Puts the newly logged part of a series behind the part the page already holds. */
import type { Series } from "../api/series";

/** The column that orders a series: every point or bucket up to a given value of it is kept by a merge. */
const orderColumn = (series: Series) => (series.mode === "points" ? "x" : "x_last");

/**
 * The x, relative to the series' base, after which to ask for new points; null when all must be asked.
 *
 * The last bucket is asked again unless it is full.
 */
export function deltaStart(series: Series): number | null {
  const column = series.columns[orderColumn(series)];
  if (!column || column.length === 0) return null;
  const isLastFull = series.mode === "points" || series.totalCount % series.pointsPerBucket === 0;
  const index = column.length - (isLastFull ? 1 : 2);
  return index < 0 ? null : column[index];
}

/** How many points or buckets lie at or before `x`; the column never falls. */
export function countUpTo(column: ArrayLike<number>, x: number): number {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What the page holds after an answer to a question about the part after `after` has come.
 *
 * @returns the whole series; null when the two do not fit together and the whole must be asked again.
 */
export function mergeDelta(held: Series, answer: Series, after: number): Series | null {
  if (!answer.isDelta) return answer;
  if (answer.count === 0) {
    return { ...held, revision: answer.revision };
  }
  if (answer.mode !== held.mode || answer.pointsPerBucket !== held.pointsPerBucket || answer.xBase !== held.xBase) {
    return null;
  }
  const kept = countUpTo(held.columns[orderColumn(held)], after);
  const columns: Series["columns"] = {};
  for (const name of Object.keys(answer.columns)) {
    const before = held.columns[name];
    if (!before) return null;
    columns[name] = joined(before, kept, answer.columns[name]);
  }
  const merged: Series = { ...answer, isDelta: false, count: kept + answer.count, columns };
  return isWhole(merged) ? merged : null;
}

/** Whether the points counted by the daemon are the points held: clocks that jump back make a delta incomplete. */
function isWhole(series: Series): boolean {
  return Math.ceil(series.totalCount / series.pointsPerBucket) === series.count;
}

function joined(before: Float64Array, kept: number, after: Float64Array): Float64Array {
  const all = new Float64Array(kept + after.length);
  all.set(before.subarray(0, kept));
  all.set(after, kept);
  return all;
}
