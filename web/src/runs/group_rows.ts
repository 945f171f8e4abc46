/** Lays out a list of runs with the headings of its groups: which row of the page is a heading, and which is which run. */
import type { ColumnValue, RunGroup } from "../api/run_sets";

export type ListRow = { kind: "group"; group: RunGroup; isOpen: boolean } | { kind: "run"; index: number };

export interface RunLayout {
  rowCount: number;
  row: (position: number) => ListRow;
  /** Where a run stands; -1 within a folded group. */
  positionOf: (index: number) => number;
}

interface Segment {
  start: number;
  first: number;
  count: number;
  /** Null for a stretch of runs. */
  group: RunGroup | null;
  isOpen: boolean;
}

// Sections of charts are folded under the same name in the address.
const FOLD_PREFIX = "runs:";

/** How a folded group is called in the address. */
export const foldName = (values: readonly ColumnValue[]): string => FOLD_PREFIX + JSON.stringify(values);

/** @param closed names of what is folded, groups among them. */
export function layOut(totalCount: number, groups: readonly RunGroup[], closed: readonly string[]): RunLayout {
  if (groups.length === 0) {
    const row = (position: number): ListRow => ({ kind: "run", index: position });
    return { rowCount: totalCount, row, positionOf: (index) => index };
  }
  const folded = new Set(closed);
  const deepest = Math.max(...groups.map((group) => group.level));
  const segments: Segment[] = [];
  let start = 0;
  let foldedLevel = Infinity;
  for (const group of groups) {
    if (group.level > foldedLevel) continue;
    const isOpen = !folded.has(foldName(group.values));
    foldedLevel = isOpen ? Infinity : group.level;
    segments.push({ start, first: group.first, count: 1, group, isOpen });
    start += 1;
    if (!isOpen || group.level < deepest || group.count === 0) continue;
    segments.push({ start, first: group.first, count: group.count, group: null, isOpen });
    start += group.count;
  }
  const row = (position: number): ListRow => {
    const segment = segments[lastAtOrBelow(segments, position)];
    if (segment.group) return { kind: "group", group: segment.group, isOpen: segment.isOpen };
    return { kind: "run", index: segment.first + position - segment.start };
  };
  const positionOf = (index: number): number => {
    const segment = segments.find((one) => !one.group && index >= one.first && index < one.first + one.count);
    return segment ? segment.start + index - segment.first : -1;
  };
  return { rowCount: start, row, positionOf };
}

function lastAtOrBelow(segments: readonly Segment[], position: number): number {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (segments[middle].start <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The runs between two rows of the page: the first and one past the last, in the order of the list. */
export function runsBetween(layout: RunLayout, from: number, end: number): { first: number; end: number } {
  let first = Infinity;
  let last = -1;
  for (let position = Math.max(0, from); position < Math.min(end, layout.rowCount); position++) {
    const row = layout.row(position);
    if (row.kind !== "run") continue;
    first = Math.min(first, row.index);
    last = Math.max(last, row.index);
  }
  return last < 0 ? { first: 0, end: 0 } : { first, end: last + 1 };
}
