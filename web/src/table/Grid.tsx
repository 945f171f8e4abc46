/** The rows of a table as a grid: only what is near the view is in the page, and what leaves it is used again for what comes. */
import { type KeyboardEvent, memo, type PointerEvent, useEffect, useId, useRef, useState } from "react";
import type { Cell, RecordDocument, TableColumn } from "../api/records";
import { useRowHeight } from "../app/density";
import { isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import { cellLabel, documentOf, isNumeric } from "./cells";
import styles from "./Grid.module.css";
import { nextPlace, type Place } from "./next_place";
import { RecordCell } from "./RecordCell";
import type { Sort } from "./question";
import { edgesOf } from "./scroll";
import type { ShownRows } from "./use_rows";
import { useScroll } from "./use_scroll";
import { WIDTH_MIN } from "./widths";

const HEADER_HEIGHT = 32;
/** With records in it: a thumbnail can be told apart. */
const RECORD_ROW_HEIGHT = 72;
/** Pages are asked for at most this often while a list is scrolled past them. */
const LOOK_INTERVAL_MS = 60;

export interface GridProps {
  shown: ShownRows;
  columns: readonly TableColumn[];
  widths: readonly number[];
  setWidth: (column: number, width: number) => void;
  sort: Sort | null;
  /** A press on a column's name. */
  onSort: (column: number) => void;
  active: Place | null;
  setActive: (place: Place | null) => void;
  onCopy: (place: Place) => void;
  onOpen: (document: RecordDocument) => void;
  isBusy: boolean;
  label: string;
}

export function Grid(props: GridProps) {
  const { shown, columns, widths, setWidth, sort, onSort, active, setActive, onCopy, onOpen, isBusy } = props;
  const { pages, first } = shown;
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const rowCount = first.row_count;
  const lineHeight = useRowHeight();
  const rowHeight = columns.some(({ type }) => type === "record") ? RECORD_ROW_HEIGHT : lineHeight;
  const numberWidth = Math.max(48, formatCount(first.total_count).length * 8 + 20);
  const edges = edgesOf(widths);
  const edgesKey = edges.join();
  const [stableEdges, setStableEdges] = useState({ key: edgesKey, edges });
  if (stableEdges.key !== edgesKey) setStableEdges({ key: edgesKey, edges });
  const scroll = useScroll(root, {
    rowCount,
    rowHeight,
    headerHeight: HEADER_HEIGHT,
    stickyWidth: numberWidth,
    edges: stableEdges.edges,
  });

  useLook(shown, scroll.rows.first, scroll.rows.end);

  // Another question begins at its first row.
  const { toTop } = scroll;
  const lastPages = useRef(pages);
  useEffect(() => {
    if (lastPages.current === pages) return;
    lastPages.current = pages;
    // Not within React's own commit: the move renders at once.
    queueMicrotask(toTop);
  }, [pages, toTop]);

  // The text of a cell takes its room from the grid, at times from the very cell.
  const newest = useRef({ active, reveal: scroll.reveal });
  useEffect(() => {
    newest.current = { active, reveal: scroll.reveal };
  });
  useEffect(() => {
    const { active: place, reveal } = newest.current;
    if (place) queueMicrotask(() => reveal(place.row, place.column));
  }, [scroll.viewHeight]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== root.current) return;
    const isWhole = event.ctrlKey || event.metaKey;
    if (isWhole && event.key === "c" && active && getSelection()?.isCollapsed !== false) {
      event.preventDefault();
      onCopy(active);
      return;
    }
    if (event.key === "Escape" && active) {
      event.preventDefault();
      event.stopPropagation();
      setActive(null);
      return;
    }
    if (event.key === "Enter" && active) {
      const document = documentAt(active);
      if (document) onOpen(document);
      return;
    }
    const next = nextPlace(active ?? { row: scroll.rows.first, column: 0 }, event.key, isWhole, scroll.pageRows);
    if (!next || rowCount === 0) return;
    event.preventDefault();
    const row = Math.min(Math.max(next.row, 0), rowCount - 1);
    const column = Math.min(Math.max(next.column, 0), columns.length - 1);
    setActive({ row, column });
    scroll.reveal(row, column);
  };

  const documentAt = (place: Place) => {
    const cell = pages.row(place.row)?.cells[place.column];
    return cell === undefined ? null : documentOf(cell, columns[place.column].type);
  };

  const totalWidth = numberWidth + edges[edges.length - 1];
  const spanLength = scroll.rows.end - scroll.rows.first;
  return (
    <div
      ref={root}
      className={styles.grid}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rowCount + 1}
      aria-colcount={columns.length + 1}
      aria-busy={isBusy}
      aria-activedescendant={active ? `${id}-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onScroll={scroll.onScroll}
      onKeyDown={onKeyDown}
    >
      <div className={styles.track} style={{ height: HEADER_HEIGHT + scroll.trackHeight, width: totalWidth }}>
        <div className={styles.header} role="row" aria-rowindex={1} style={{ height: HEADER_HEIGHT }}>
          <div className={styles.corner} role="columnheader" aria-colindex={1} style={{ width: numberWidth }}>
            <span className="visuallyHidden">Row</span>
          </div>
          {columns.slice(scroll.columns.first, scroll.columns.end).map((column, index) => {
            const position = scroll.columns.first + index;
            return (
              <Header
                key={position}
                column={column}
                position={position}
                left={numberWidth + edges[position]}
                width={widths[position]}
                setWidth={setWidth}
                sort={sort?.column === position ? sort : null}
                onSort={onSort}
              />
            );
          })}
        </div>
        {Array.from({ length: spanLength }, (_, index) => {
          const row = scroll.rows.first + index;
          const held = pages.row(row);
          return (
            <GridRow
              // The row that leaves on one side becomes the one that comes on the other.
              key={row % scroll.poolSize}
              id={id}
              row={row}
              top={HEADER_HEIGHT + row * rowHeight + scroll.base}
              height={rowHeight}
              cells={held?.cells ?? null}
              number={held?.number ?? null}
              columns={columns}
              firstColumn={scroll.columns.first}
              endColumn={scroll.columns.end}
              edges={stableEdges.edges}
              numberWidth={numberWidth}
              activeColumn={active?.row === row ? active.column : -1}
              setActive={setActive}
              onOpen={onOpen}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Tells the pages which rows are looked at, no more often than it helps. */
function useLook({ pages }: ShownRows, first: number, end: number): void {
  const newest = useRef({ pages, first, end });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  useEffect(() => {
    newest.current = { pages, first, end };
    if (timer.current !== undefined) return;
    const wait = Math.max(0, last.current + LOOK_INTERVAL_MS - performance.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      last.current = performance.now();
      newest.current.pages.look(newest.current);
    }, wait);
  }, [pages, first, end]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}

interface HeaderProps {
  column: TableColumn;
  position: number;
  left: number;
  width: number;
  setWidth: (column: number, width: number) => void;
  sort: Sort | null;
  onSort: (column: number) => void;
}

function Header({ column, position, left, width, setWidth, sort, onSort }: HeaderProps) {
  const grip = useRef<{ from: number; width: number } | null>(null);
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    grip.current = { from: event.clientX, width };
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!grip.current) return;
    setWidth(position, Math.max(WIDTH_MIN, grip.current.width + event.clientX - grip.current.from));
  };
  const canSort = column.type !== "record";
  const order = sort ? (sort.descending ? "descending" : "ascending") : "none";
  return (
    <div
      className={styles.head}
      role="columnheader"
      aria-colindex={position + 2}
      aria-sort={canSort ? order : undefined}
      data-number={isNumeric(column.type)}
      style={{ left, width }}
      title={isolated`${column.name} (${column.type})`}
    >
      {canSort ? (
        <button type="button" className="quiet" onClick={() => onSort(position)}>
          <span>{column.name}</span>
          {sort && <i aria-hidden="true">{sort.descending ? "▾" : "▴"}</i>}
        </button>
      ) : (
        <span className={styles.plain}>{column.name}</span>
      )}
      <div
        className={styles.grip}
        aria-hidden="true"
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={() => {
          grip.current = null;
        }}
      />
    </div>
  );
}

interface GridRowProps {
  id: string;
  row: number;
  top: number;
  height: number;
  /** Null until they are there. */
  cells: readonly Cell[] | null;
  number: number | null;
  columns: readonly TableColumn[];
  firstColumn: number;
  endColumn: number;
  edges: readonly number[];
  numberWidth: number;
  activeColumn: number;
  setActive: (place: Place) => void;
  onOpen: (document: RecordDocument) => void;
}

const GridRow = memo(function GridRow(props: GridRowProps) {
  const { id, row, top, height, cells, number, columns, firstColumn, endColumn, edges, numberWidth } = props;
  const { activeColumn, setActive, onOpen } = props;
  return (
    <div
      className={styles.row}
      role="row"
      aria-rowindex={row + 2}
      data-row={row}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      <div className={styles.number} role="rowheader" aria-colindex={1} style={{ width: numberWidth }}>
        {number === null ? (cells ? "" : "…") : formatCount(number)}
      </div>
      {cells &&
        columns.slice(firstColumn, endColumn).map((column, index) => {
          const position = firstColumn + index;
          const cell = cells[position] ?? null;
          const document = documentOf(cell, column.type);
          const left = numberWidth + edges[position];
          const width = edges[position + 1] - edges[position];
          return (
            <div
              key={position}
              id={`${id}-${row}-${position}`}
              className={styles.cell}
              role="gridcell"
              aria-colindex={position + 2}
              aria-selected={activeColumn === position || undefined}
              data-type={column.type}
              style={{ left, width }}
              onClick={() => setActive({ row, column: position })}
            >
              {document ? (
                // Another row's record is another element: nothing of the one before is seen in it.
                <RecordCell key={row} document={document} height={height} onOpen={onOpen} />
              ) : (
                <span>{cellLabel(cell, column.type)}</span>
              )}
            </div>
          );
        })}
    </div>
  );
});
