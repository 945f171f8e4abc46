/** The row of a run. What is pressed in it is told by the grid, from `data-act` and `data-column`. */
import { memo } from "react";
import { isolated } from "../format/isolated";
import { RunCell } from "../runs/RunCell";
import { cellLabel, cellText, numberOf } from "../runs/cell_text";
import { EDITABLE, NAME_COLUMN } from "../runs/column_names";
import type { RunRow } from "../runs/known_rows";
import { nameOf, valueOf } from "../runs/run_value";
import { EyeIcon, EyeOffIcon, PinIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { runPath } from "../url/route";
import { EditField } from "./EditField";
import styles from "./RunsGrid.module.css";
import { NAME_PLACE } from "./places";

export interface LineProps {
  id: string;
  /** Its place in the list; -1 for the copy of a pinned run above the list. */
  position: number;
  top: number;
  height: number;
  leadWidth: number;
  columns: readonly string[];
  firstColumn: number;
  endColumn: number;
  edges: readonly number[];
  decimals: readonly (number | null)[];
  /** The place in the row that keys act on; null where it is another row. */
  activeColumn: number | null;
}

interface RunLineProps extends LineProps {
  project: string;
  /** Null until it is there. */
  row: RunRow | null;
  depth: number;
  isSelected: boolean;
  isDrawn: boolean;
  isPinned: boolean;
  /** Whether it is about to be deleted. */
  isLeaving: boolean;
  editing: string | null;
  onEdited: (column: string, value: string | null) => void;
}

const INDENT = 16;
// A digit of 13 px is narrower than this, with what stands beside the text.
const DIGIT_WIDTH = 8;
const CELL_PADDING = 16;
const toldByGrid = () => undefined;

export const RunLine = memo(function RunLine(props: RunLineProps) {
  const { id, project, row, position, top, height, leadWidth, columns, firstColumn, endColumn, edges } = props;
  const { decimals, activeColumn, depth, isSelected, isDrawn, isPinned, editing, onEdited } = props;
  const name = row ? nameOf(row) : "";
  const isCopy = position < 0;
  const cellId = (place: number) => (isCopy ? undefined : `${id}-${position}-${place}`);
  const about = [row?.run?.archived && "archived", row?.run?.notes].filter(Boolean).join(" · ");
  return (
    <div
      className={styles.row}
      role="row"
      aria-rowindex={isCopy ? undefined : position + 2}
      aria-selected={isSelected}
      aria-label={name || undefined}
      data-row={position}
      data-run={row?.id}
      data-drawn={isDrawn}
      data-leaving={props.isLeaving}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      <div
        className={styles.lead}
        role="rowheader"
        aria-colindex={1}
        id={cellId(NAME_PLACE)}
        data-column={NAME_COLUMN}
        data-active={activeColumn === NAME_PLACE}
        style={{ width: leadWidth }}
      >
        {row ? (
          <>
            <label className={styles.check} data-act="select">
              <input
                type="checkbox"
                tabIndex={-1}
                checked={isSelected}
                onChange={toldByGrid}
                aria-label={isolated`Select ${name}`}
              />
            </label>
            <button
              type="button"
              className={`quiet ${styles.eye}`}
              tabIndex={-1}
              data-act="eye"
              aria-pressed={isDrawn}
              aria-label={isolated`Show ${name} in the charts`}
              title={isDrawn ? "Hide from the charts (h)" : "Show in the charts (h)"}
            >
              {isDrawn ? <EyeIcon /> : <EyeOffIcon />}
            </button>
            {depth > 0 && <span style={{ width: depth * INDENT, flex: "none" }} />}
            {editing === NAME_COLUMN ? (
              <EditField
                label={isolated`Name of ${name}`}
                value={row.run?.name ?? ""}
                column={NAME_COLUMN}
                onEdited={onEdited}
              />
            ) : (
              <Link
                className={styles.name}
                href={runPath(project, row.id)}
                tabIndex={-1}
                title={[isolated`${name} (${row.id})`, about].filter(Boolean).join("\n")}
              >
                {name}
              </Link>
            )}
            <button
              type="button"
              className={`quiet ${styles.pin}`}
              tabIndex={-1}
              data-act="pin"
              aria-pressed={isPinned}
              aria-label={isolated`Pin ${name} on top`}
              title={isPinned ? "Take from the top (p)" : "Keep on top (p)"}
            >
              <PinIcon />
            </button>
          </>
        ) : (
          <span className={styles.waiting}>…</span>
        )}
      </div>
      {row &&
        columns.slice(firstColumn, endColumn).map((column, index) => {
          const place = firstColumn + index;
          return (
            <LineCell
              key={column}
              id={cellId(place)}
              place={place}
              row={row}
              column={column}
              decimals={decimals[index] ?? null}
              isActive={activeColumn === place}
              isEdited={editing === column && EDITABLE.includes(column)}
              onEdited={onEdited}
              left={leadWidth + edges[place]}
              width={edges[place + 1] - edges[place]}
            />
          );
        })}
    </div>
  );
});

interface LineCellProps {
  id: string | undefined;
  place: number;
  row: RunRow;
  column: string;
  decimals: number | null;
  isActive: boolean;
  isEdited: boolean;
  onEdited: (column: string, value: string | null) => void;
  left: number;
  width: number;
}

// Kept apart, so that scrolling sideways draws only the cells that come.
const LineCell = memo(function LineCell(props: LineCellProps) {
  const { id, place, row, column, decimals, isActive, isEdited, onEdited, left, width } = props;
  const value = valueOf(row, column);
  const text = cellText(column, value);
  const isNumber = numberOf(value) !== null;
  const label = isNumber ? cellLabel(column, value, decimals) : text;
  return (
    <div
      id={id}
      className={styles.cell}
      role="gridcell"
      aria-colindex={place + 2}
      data-column={column}
      data-active={isActive}
      data-number={isNumber}
      data-fits={isNumber && label.length * DIGIT_WIDTH <= width - CELL_PADDING}
      title={text}
      style={{ left, width }}
    >
      {isEdited ? (
        <EditField label={isolated`${column} of ${nameOf(row)}`} value={text} column={column} onEdited={onEdited} />
      ) : (
        <RunCell row={row} column={column} label={label} />
      )}
    </div>
  );
});
