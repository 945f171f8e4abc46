/** The groups of runs that are drawn as one line each. */
import type { ColumnValue, RunGroup } from "../api/run_sets";
import type { ThemeName } from "../chart/palette";
import { type Slots, styleOf } from "../chart/styles";
import { formatAny } from "../format/number";
import type { ChartGroup } from "../panel/chart_lines";
import { columnLabel } from "../runs/column_names";

/** How a group is called among runs: in the address where it is hidden, and where looks are kept. */
export const groupId = (values: readonly ColumnValue[]): string => `group:${JSON.stringify(values)}`;

/** "lr 0.1 · adam": a text says by itself what it is, a number does not. */
export function groupName(values: readonly ColumnValue[], columns: readonly string[]): string {
  return values
    .map((value, level) => {
      const label = columnLabel(columns[level] ?? "");
      if (value === null) return `no ${label}`;
      return typeof value === "string" && value !== "" ? value : `${label} ${formatAny(value)}`;
    })
    .join(" · ");
}

/** The groups of the innermost level that have a run to draw, in their order. */
export function visibleGroups(
  groups: readonly RunGroup[],
  columnCount: number,
  hidden: readonly string[],
  visible: ReadonlySet<string>,
): RunGroup[] {
  const isHidden = new Set(hidden);
  return groups
    .filter((group) => group.level === columnCount - 1 && !isHidden.has(groupId(group.values)))
    .map((group) => ({ ...group, run_ids: group.run_ids.filter((id) => visible.has(id)) }))
    .filter((group) => group.run_ids.length > 0);
}

export const chartGroups = (
  groups: readonly RunGroup[],
  columns: readonly string[],
  slots: Slots,
  theme: ThemeName,
): ChartGroup[] =>
  groups.map(({ values, run_ids: runIds }) => ({
    id: groupId(values),
    name: groupName(values, columns),
    runIds,
    style: styleOf(slots.get(groupId(values)), theme),
  }));
