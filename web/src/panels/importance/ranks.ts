/** The order of columns by their importance. Pure. */
import type { ColumnImportance } from "../../api/importance";

const strength = ({ importance, spearman, pearson }: ColumnImportance): [number, number] => [
  importance ?? -1,
  Math.abs(spearman ?? pearson ?? 0),
];

/** The most important first; those of which it is not said behind them, by their correlation. */
export const sorted = (columns: readonly ColumnImportance[]): ColumnImportance[] =>
  [...columns].sort((a, b) => {
    const [left, right] = [strength(a), strength(b)];
    return right[0] - left[0] || right[1] - left[1];
  });

/** The length of a column's bar as a share of the longest. */
export function shareOf({ importance }: ColumnImportance, columns: readonly ColumnImportance[]): number {
  const most = Math.max(0, ...columns.map((one) => one.importance ?? 0));
  return most > 0 ? Math.max(0, importance ?? 0) / most : 0;
}
