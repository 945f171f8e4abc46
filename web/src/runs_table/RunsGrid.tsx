/** The runs of a project as a grid: of rows and columns only what is near the view is in the page. */
import { type MouseEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useRowHeight } from "../app/density";
import { NAME_COLUMN } from "../runs/column_names";
import { type RunLayout, runsBetween } from "../runs/group_rows";
import type { RunRow } from "../runs/known_rows";
import type { RunSet } from "../runs/use_run_set";
import { isDrawn } from "../runs/visibility";
import { edgesOf, type RowSpan } from "../table/scroll";
import { useScroll } from "../table/use_scroll";
import { useWidth } from "../ui/use_size";
import { useStable } from "../ui/use_stable";
import type { ViewState } from "../url/view_state";
import { GridHead, type HeadActions } from "./GridHead";
import { GroupLine, type GroupStatistic } from "./GroupLine";
import type { Place } from "../table/next_place";
import { HEADER_ROW, NAME_PLACE } from "./places";
import { type LineProps, RunLine } from "./RunLine";
import styles from "./RunsGrid.module.css";
import { useColumnForms } from "./column_forms";
import { type GridKeys, useGridKeys } from "./use_grid_keys";
import { useAnchor } from "./use_anchor";

const HEADER_HEIGHT = 44;
// More pinned rows would leave no room for the others.
const PINNED_MAX = 8;
// A narrow window must show columns beside the name.
const LEAD_SHARE_MAX = 0.55;

/** What is looked at: runs of the list, and columns. */
export interface GridLook {
  runs: RowSpan;
  columns: RowSpan;
}

export interface RunsGridProps extends Omit<HeadActions, "onDrag"> {
  project: string;
  view: ViewState;
  set: RunSet;
  layout: RunLayout;
  pinned: readonly RunRow[];
  columns: readonly string[];
  /** Of the name first, then of the columns. */
  leadWidth: number;
  widths: readonly number[];
  statistic: GroupStatistic;
  selected: ReadonlySet<string>;
  /** Runs that are about to be deleted, and could not be left out of the list. */
  leaving: ReadonlySet<string>;
  /** Changes when the list is another one: it begins at its top. */
  listKey: string;
  editing: { run: string; column: string } | null;
  onEdited: (column: string, value: string | null) => void;
  onLook: (look: GridLook) => void;
  onAct: (act: string, position: number, run: string | null, isRange: boolean) => void;
  onMove: (column: string, to: number) => void;
  keys: GridKeys;
}

export function RunsGrid(props: RunsGridProps) {
  const { project, view, set, layout, columns, widths, statistic, selected, listKey, editing, onEdited } = props;
  const { leaving, onSort, onWidth, onLook, onAct, onMove } = props;
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const width = useWidth(root);
  const leadWidth = width > 0 ? Math.min(props.leadWidth, Math.round(width * LEAD_SHARE_MAX)) : props.leadWidth;
  const edges = useStable(useMemo(() => edgesOf(widths), [widths]));
  const pinned = props.pinned.slice(0, PINNED_MAX);
  const rowHeight = useRowHeight();
  const headerHeight = HEADER_HEIGHT + pinned.length * rowHeight + (pinned.length > 0 ? 1 : 0);
  const { rowCount } = layout;
  const scroll = useScroll(root, { rowCount, rowHeight, headerHeight, stickyWidth: leadWidth, edges });
  const [active, setActive] = useState<Place | null>(null);
  const [drag, setDrag] = useState<{ column: string; way: number } | null>(null);

  const { rows } = scroll;
  const runs = useMemo(() => runsBetween(layout, rows.first, rows.end), [layout, rows]);
  useLook(onLook, runs, scroll.columns);
  useAnchor(root, rowHeight, set.known, layout, active, setActive);

  const { toTop } = scroll;
  const lastList = useRef(listKey);
  useEffect(() => {
    if (lastList.current === listKey) return;
    lastList.current = listKey;
    // Not within React's own commit: the move renders at once.
    queueMicrotask(toTop);
  }, [listKey, toTop]);

  const { onKeyDown, reveal } = useGridKeys({ root, columns, layout, scroll, active, setActive, keys: props.keys });
  useEffect(() => {
    // The field of a cell takes the focus; the grid has it back when it is gone.
    const element = root.current;
    return editing ? () => element?.focus({ preventScroll: true }) : undefined;
  }, [editing]);

  const shown = columns.slice(scroll.columns.first, scroll.columns.end);
  const forms = useColumnForms(set.known, shown);
  const decimals = useStable(forms.map((form) => form.decimals));

  const placeOf = (column: string | undefined) =>
    column === undefined || column === NAME_COLUMN ? NAME_PLACE : columns.indexOf(column);
  const onClick = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>("[data-row]");
    if (!row || target.closest("input[type=text]")) return;
    const position = Number(row.dataset.row);
    const cell = target.closest<HTMLElement>("[data-column]");
    if (position >= 0) setActive({ row: position, column: placeOf(cell?.dataset.column) });
    const act = target.closest<HTMLElement>("[data-act]")?.dataset.act;
    // A press beside the box is followed by the browser's own on the box.
    if (!act || (act === "select" && !target.closest("input"))) return;
    onAct(act, position, row.dataset.run ?? null, event.shiftKey);
  };
  const onDoubleClick = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>("[data-run]");
    const column = target.closest<HTMLElement>("[data-column]")?.dataset.column;
    if (row && column && !target.closest("a, button, label, input")) {
      props.keys.onEdit(row.dataset.run!, column);
    }
  };

  const dropAt = drag ? dropPlace(columns, edges, drag) : -1;
  const endDrag = (column: string, way: number, isLast: boolean) => {
    setDrag(isLast ? null : { column, way });
    if (isLast && way !== 0) onMove(column, dropPlace(columns, edges, { column, way }));
  };
  const head = (column: string, place: number, left: number | null, itsWidth: number, isNumber: boolean) => {
    const rank = view.sort.findIndex((one) => one.column === column);
    return (
      <GridHead
        key={column}
        id={`${id}-${HEADER_ROW}-${place}`}
        column={column}
        place={place}
        left={left}
        width={itsWidth}
        order={rank < 0 ? "none" : view.sort[rank].isDescending ? "descending" : "ascending"}
        rank={view.sort.length > 1 ? rank + 1 : 0}
        isActive={active?.row === HEADER_ROW && active.column === place}
        isFixed={place === NAME_PLACE}
        isNumber={isNumber}
        onSort={onSort}
        onWidth={onWidth}
        onDrag={endDrag}
      />
    );
  };
  const line = (position: number, top: number): LineProps => ({
    id,
    position,
    top,
    height: rowHeight,
    leadWidth,
    columns,
    firstColumn: scroll.columns.first,
    endColumn: scroll.columns.end,
    edges,
    decimals,
    activeColumn: position >= 0 && active?.row === position ? active.column : null,
  });
  const runLine = (row: RunRow | null, position: number, top: number, key: string | number) => (
    <RunLine
      key={key}
      {...line(position, top)}
      project={project}
      row={row}
      depth={position < 0 ? 0 : view.groupBy.length}
      isSelected={row !== null && selected.has(row.id)}
      isDrawn={row === null || isDrawn(view, row.id)}
      isLeaving={row !== null && leaving.has(row.id)}
      isPinned={row !== null && view.pinned.includes(row.id)}
      editing={position >= 0 && row !== null && editing?.run === row.id ? editing.column : null}
      onEdited={onEdited}
    />
  );

  return (
    <div
      ref={root}
      className={styles.grid}
      role={view.groupBy.length > 0 ? "treegrid" : "grid"}
      aria-label="Runs"
      aria-multiselectable
      aria-rowcount={rowCount + 1}
      aria-colcount={columns.length + 1}
      aria-busy={set.isBusy}
      aria-activedescendant={active ? `${id}-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onScroll={scroll.onScroll}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDoubleClick={onDoubleClick}
      onFocus={(event) => {
        if (event.target === root.current && !active && rowCount > 0) {
          setActive({ row: scroll.rows.first === 0 ? 0 : scroll.rows.first + 1, column: NAME_PLACE });
          reveal();
        }
      }}
    >
      <div
        className={styles.track}
        style={{ height: headerHeight + scroll.trackHeight, width: leadWidth + edges.at(-1)! }}
      >
        <div className={styles.header} style={{ height: headerHeight }}>
          <div className={styles.heads} role="row" aria-rowindex={1} style={{ height: HEADER_HEIGHT }}>
            <div className={styles.corner} style={{ width: leadWidth }}>
              {head(NAME_COLUMN, NAME_PLACE, null, leadWidth, false)}
            </div>
            {shown.map((column, index) => {
              const place = scroll.columns.first + index;
              return head(column, place, leadWidth + edges[place], widths[place], forms[index]?.isNumber ?? false);
            })}
            {drag && (
              <div
                className={styles.drop}
                style={{ left: leadWidth + edgeBefore(columns, edges, drag.column, dropAt) }}
              />
            )}
          </div>
          {pinned.length > 0 && (
            <div className={styles.pinned} style={{ height: pinned.length * rowHeight + 1 }}>
              {pinned.map((row, index) => runLine(row, -1, index * rowHeight, row.id))}
            </div>
          )}
        </div>
        {Array.from({ length: scroll.rows.end - scroll.rows.first }, (_, index) => {
          const position = scroll.rows.first + index;
          if (position >= rowCount) return null;
          const listed = layout.row(position);
          const top = headerHeight + position * rowHeight + scroll.base;
          // The row that leaves on one side becomes the one that comes on the other.
          const key = position % scroll.poolSize;
          if (listed.kind === "run") return runLine(set.row(listed.index), position, top, `run ${key}`);
          return (
            <GroupLine
              key={`group ${key}`}
              {...line(position, top)}
              group={listed.group}
              isOpen={listed.isOpen}
              groupBy={view.groupBy}
              statistic={statistic}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Where among the other columns a dragged one would be put down. */
function dropPlace(
  columns: readonly string[],
  edges: readonly number[],
  drag: { column: string; way: number },
): number {
  const from = columns.indexOf(drag.column);
  const middle = (edges[from] + edges[from + 1]) / 2 + drag.way;
  let place = 0;
  columns.forEach((column, index) => {
    if (column !== drag.column && (edges[index] + edges[index + 1]) / 2 < middle) place++;
  });
  return place;
}

/** The edge at which a column stands that is put down at a place among the others. */
function edgeBefore(columns: readonly string[], edges: readonly number[], column: string, place: number): number {
  return place > columns.indexOf(column) ? edges[place + 1] : edges[place];
}

// While a list is scrolled past, no more often than it helps.
const LOOK_INTERVAL_MS = 60;

/** Tells which part is looked at. */
function useLook(onLook: (look: GridLook) => void, runs: RowSpan, columns: RowSpan): void {
  const newest = useRef({ onLook, runs, columns });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    newest.current = { onLook, runs, columns };
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      newest.current.onLook({ runs: newest.current.runs, columns: newest.current.columns });
    }, LOOK_INTERVAL_MS);
  }, [onLook, runs, columns]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
