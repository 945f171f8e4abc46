/** Many lines of shares as one picture: a row a line, a column a stretch of time. Pure. */
import type { Series } from "../api/series";

export interface Heat {
  /** The first and the last x, on the axis itself. */
  from: number;
  to: number;
  columnCount: number;
  /** A row after the other; NaN where nothing was measured. */
  shares: Float32Array;
}

const column = (series: Series, names: readonly string[]): ArrayLike<number> =>
  names.map((name) => series.columns[name]).find((found) => found !== undefined) ?? [];

const starts = (series: Series) => column(series, ["x", "x_first"]);
const values = (series: Series) => column(series, ["y", "mean"]);

/** Null where nothing is measured. A column that several samples fall into shows the busiest: no burst is hidden. */
export function heatOf(lines: readonly (Series | undefined)[], columnCount: number): Heat | null {
  let from = Infinity;
  let to = -Infinity;
  for (const series of lines) {
    if (!series || series.count === 0) continue;
    const ends = column(series, ["x", "x_last"]);
    from = Math.min(from, starts(series)[0] + Number(series.xBase));
    to = Math.max(to, ends[series.count - 1] + Number(series.xBase));
  }
  if (!(from <= to)) return null;
  const shares = new Float32Array(lines.length * columnCount).fill(Number.NaN);
  const scale = columnCount / (to - from || 1);
  lines.forEach((series, row) => {
    if (!series) return;
    const x = starts(series);
    const y = values(series);
    const base = Number(series.xBase) - from;
    for (let at = 0; at < series.count; at++) {
      if (!Number.isFinite(y[at])) continue;
      const first = placeOf((x[at] + base) * scale, columnCount);
      // A sample holds until the next one, as long as these follow each other as they usually do.
      const end = at + 1 < series.count ? placeOf((x[at + 1] + base) * scale, columnCount) : first + 1;
      for (let place = first; place < Math.max(end, first + 1); place++) {
        const cell = row * columnCount + place;
        if (!(shares[cell] >= y[at])) shares[cell] = y[at];
      }
    }
  });
  return { from, to, columnCount, shares };
}

const placeOf = (place: number, count: number): number => Math.min(count - 1, Math.max(0, Math.floor(place)));
