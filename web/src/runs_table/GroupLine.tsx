/** The heading of a group of runs: what they have in common, how many they are, and their numbers summed up. */
import { memo } from "react";
import type { RunGroup } from "../api/run_sets";
import { isolated } from "../format/isolated";
import { plural } from "../format/number";
import { cellLabel, cellText } from "../runs/cell_text";
import { columnLabel } from "../runs/column_names";
import { ChevronIcon } from "../ui/icons";
import styles from "./RunsGrid.module.css";
import { NAME_PLACE } from "./places";
import type { LineProps } from "./RunLine";

export type GroupStatistic = "mean" | "min" | "max";

interface GroupLineProps extends LineProps {
  group: RunGroup;
  isOpen: boolean;
  groupBy: readonly string[];
  statistic: GroupStatistic;
}

const INDENT = 16;

export const GroupLine = memo(function GroupLine(props: GroupLineProps) {
  const { id, group, isOpen, groupBy, statistic, position, top, height, leadWidth } = props;
  const { columns, firstColumn, endColumn, edges, decimals, activeColumn } = props;
  const column = groupBy[group.level] ?? "";
  const value = group.values[group.level];
  const words = cellText(column, value) || "none";
  const aggregates = new Map(group.aggregates.map((one) => [one.column, one]));
  return (
    <div
      className={`${styles.row} ${styles.group}`}
      role="row"
      aria-rowindex={position + 2}
      aria-level={group.level + 1}
      aria-expanded={isOpen}
      data-row={position}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      <div
        className={`${styles.lead} ${styles.heading}`}
        role="rowheader"
        aria-colindex={1}
        id={`${id}-${position}-${NAME_PLACE}`}
        data-active={activeColumn === NAME_PLACE}
        style={{ width: leadWidth, paddingLeft: 4 + group.level * INDENT }}
      >
        <button
          type="button"
          className={`quiet ${styles.fold}`}
          tabIndex={-1}
          data-act="fold"
          data-open={isOpen}
          title={isolated`${columnLabel(column)} = ${words}`}
        >
          <ChevronIcon />
          <span>
            <span className={styles.of}>{columnLabel(column)}</span> {cellLabel(column, value, null) || "none"}
          </span>
        </button>
        <span className={styles.count} title={`${plural(group.count, "run")}, ${group.running_count} running`}>
          {group.count}
          {group.running_count > 0 && ` · ${group.running_count} running`}
        </span>
      </div>
      {columns.slice(firstColumn, endColumn).map((one, index) => {
        const place = firstColumn + index;
        const found = aggregates.get(one);
        const text = (number: number) => cellLabel(one, number, decimals[index] ?? null);
        return (
          <div
            key={place}
            id={`${id}-${position}-${place}`}
            className={styles.cell}
            role="gridcell"
            aria-colindex={place + 2}
            data-active={activeColumn === place}
            data-number="true"
            title={
              found
                ? `mean ${cellText(one, found.mean)}\nmin ${cellText(one, found.min)}\nmax ${cellText(one, found.max)}\nof ${plural(found.count, "run")}`
                : undefined
            }
            style={{ left: leadWidth + edges[place], width: edges[place + 1] - edges[place] }}
          >
            {found && <span>{text(found[statistic])}</span>}
          </div>
        );
      })}
    </div>
  );
});
