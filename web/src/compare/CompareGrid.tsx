/** Keys down, runs across: only the rows and columns near the view are in the page. */
import { type KeyboardEvent, memo, type ReactNode, useId, useMemo, useRef } from "react";
import { useRowHeight } from "../app/density";
import type { LineStyle } from "../chart/model";
import { isolated } from "../format/isolated";
import { formatAny, formatCount, plural } from "../format/number";
import { useBox } from "../media/use_box";
import { nextPlace, type Place } from "../table/next_place";
import { edgesOf } from "../table/scroll";
import { useScroll } from "../table/use_scroll";
import { ChevronIcon } from "../ui/icons";
import { RunSwatch } from "../ui/RunSwatch";
import styles from "./CompareGrid.module.css";
import { fullText, type Row, type SectionRow, type ValueRow } from "./rows";

const HEADER_HEIGHT = 36;
const COLUMN_WIDTH_MIN = 160;
const KEY_WIDTH_MAX = 280;

export interface ComparedRun {
  id: string;
  name: string;
  style: LineStyle;
}

export interface CompareGridProps {
  label: string;
  rows: readonly Row[];
  /** The first is the one that the others are compared with. */
  runs: readonly ComparedRun[];
  /** What stands at the head of a run's column. */
  head: (run: ComparedRun, index: number) => ReactNode;
  toggle: (section: string) => void;
  active: Place | null;
  setActive: (place: Place | null) => void;
  copy: (text: string) => void;
}

export function CompareGrid({ label, rows, runs, head, toggle, active, setActive, copy }: CompareGridProps) {
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const rowHeight = useRowHeight();
  const { width } = useBox(root);
  const keyWidth = Math.min(KEY_WIDTH_MAX, Math.max(96, Math.round(width * 0.3)));
  const columnWidth = Math.max(COLUMN_WIDTH_MIN, Math.floor((width - keyWidth) / Math.max(1, runs.length)));
  const edges = useMemo(() => edgesOf(runs.map(() => columnWidth)), [runs, columnWidth]);
  const scroll = useScroll(root, {
    rowCount: rows.length,
    rowHeight,
    headerHeight: HEADER_HEIGHT,
    stickyWidth: keyWidth,
    edges,
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== root.current) return;
    const row = active ? rows[active.row] : undefined;
    const isWhole = event.ctrlKey || event.metaKey;
    if (isWhole && event.key === "c" && active && row?.kind === "value" && getSelection()?.isCollapsed !== false) {
      copy(fullText(row.values[active.column]));
    } else if (event.key === "Escape" && active) {
      setActive(null);
    } else if ((event.key === "Enter" || event.key === " ") && row?.kind === "section") {
      toggle(row.section);
    } else {
      const next = nextPlace(active ?? { row: -1, column: 0 }, event.key, isWhole, scroll.pageRows);
      if (!next || rows.length === 0) return;
      const place = {
        row: Math.min(rows.length - 1, Math.max(0, next.row)),
        column: Math.min(runs.length - 1, Math.max(0, next.column)),
      };
      setActive(place);
      scroll.reveal(place.row, place.column);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const { first, end } = scroll.columns;
  return (
    <div
      ref={root}
      className={styles.grid}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={runs.length + 1}
      aria-activedescendant={active ? `${id}-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onScroll={scroll.onScroll}
      onKeyDown={onKeyDown}
    >
      <div
        className={styles.track}
        style={{ height: HEADER_HEIGHT + scroll.trackHeight, width: keyWidth + edges[edges.length - 1] }}
      >
        <div className={styles.header} role="row" aria-rowindex={1} style={{ height: HEADER_HEIGHT }}>
          <div className={styles.corner} role="columnheader" aria-colindex={1} style={{ width: keyWidth }}>
            <span className="visuallyHidden">Key</span>
          </div>
          {runs.slice(first, end).map((run, index) => (
            <div
              key={run.id}
              className={styles.head}
              role="columnheader"
              aria-colindex={first + index + 2}
              aria-label={first + index === 0 ? isolated`${run.name}, the base` : run.name}
              style={{ left: keyWidth + edges[first + index], width: columnWidth }}
            >
              <RunSwatch style={run.style} />
              {head(run, first + index)}
            </div>
          ))}
        </div>
        {rows.slice(scroll.rows.first, scroll.rows.end).map((row, index) => {
          const at = scroll.rows.first + index;
          const shared = { id, at, top: HEADER_HEIGHT + at * rowHeight + scroll.base, keyWidth };
          return row.kind === "section" ? (
            <SectionLine
              key={`${at}`}
              {...shared}
              row={row}
              width={width}
              isActive={active?.row === at}
              toggle={toggle}
            />
          ) : (
            <ValueLine
              key={`${at}`}
              {...shared}
              row={row}
              first={first}
              end={end}
              edges={edges}
              activeColumn={active?.row === at ? active.column : -1}
              setActive={setActive}
            />
          );
        })}
      </div>
    </div>
  );
}

interface LineProps {
  id: string;
  at: number;
  top: number;
  keyWidth: number;
}

interface SectionLineProps extends LineProps {
  row: SectionRow;
  width: number;
  isActive: boolean;
  toggle: (section: string) => void;
}

function SectionLine({ id, at, top, row, width, isActive, toggle }: SectionLineProps) {
  const { section, title, keyCount, differentCount, isClosed } = row;
  return (
    <div className={styles.row} role="row" aria-rowindex={at + 2} style={{ transform: `translateY(${top}px)` }}>
      <div
        id={`${id}-${at}-0`}
        role="gridcell"
        aria-selected={isActive || undefined}
        style={{ width }}
        className={styles.section}
      >
        <button type="button" className="quiet" aria-expanded={!isClosed} onClick={() => toggle(section)}>
          <ChevronIcon />
          <b>{title}</b>
          <span>
            {differentCount > 0
              ? `${formatCount(differentCount)} of ${plural(keyCount, "key")} ${differentCount === 1 ? "differs" : "differ"}`
              : `${plural(keyCount, "key")}, all the same`}
          </span>
        </button>
      </div>
    </div>
  );
}

interface ValueLineProps extends LineProps {
  row: ValueRow;
  first: number;
  end: number;
  edges: readonly number[];
  activeColumn: number;
  setActive: (place: Place) => void;
}

const ValueLine = memo(function ValueLine(props: ValueLineProps) {
  const { id, at, top, keyWidth, row, first, end, edges, activeColumn, setActive } = props;
  return (
    <div className={styles.row} role="row" aria-rowindex={at + 2} style={{ transform: `translateY(${top}px)` }}>
      <div className={styles.key} role="rowheader" aria-colindex={1} style={{ width: keyWidth }} title={row.key}>
        <span>{row.key}</span>
      </div>
      {row.values.slice(first, end).map((value, index) => {
        const column = first + index;
        const differs = row.differs[column];
        return (
          <div
            key={column}
            id={`${id}-${at}-${column}`}
            className={styles.cell}
            role="gridcell"
            aria-colindex={column + 2}
            aria-selected={activeColumn === column || undefined}
            data-differs={differs || undefined}
            style={{ left: keyWidth + edges[column], width: edges[column + 1] - edges[column] }}
            title={value === undefined ? undefined : fullText(value)}
            onClick={() => setActive({ row: at, column })}
          >
            {differs && (
              <i>
                <span aria-hidden="true">≠</span>
                <span className="visuallyHidden">differs: </span>
              </i>
            )}
            <span>{value === undefined ? "–" : formatAny(value)}</span>
          </div>
        );
      })}
    </div>
  );
});
