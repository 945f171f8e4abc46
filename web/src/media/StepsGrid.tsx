/** What each run has logged at each step: rows are runs, columns steps. Only what is near the view is in the page and asked for. */
import { type KeyboardEvent, type RefObject, useId, useLayoutEffect, useRef, useState } from "react";
import { recordStore } from "../data/page_store";
import { isolate, isolated } from "../format/isolated";
import { formatCount, plural } from "../format/number";
import { nextPlace, type Place } from "../table/next_place";
import { RunSwatch } from "../ui/RunSwatch";
import { rowsInView } from "../ui/use_window";
import type { CardCell } from "./card_records";
import { positionOf, stepAtMost } from "./steps";
import styles from "./StepsGrid.module.css";
import { Thumbnail } from "./Thumbnail";
import { useBox } from "./use_box";
import { useWatched } from "./use_watched";

const HEADER_HEIGHT = 28;
const ROW_HEIGHT = 92;
const COLUMN_WIDTH = 96;
const NAME_WIDTH = 160;
// On a phone most of the width is for the records.
const NARROW_NAME_WIDTH = 88;
const NARROW = 480;
// Cells this near the view are there before they are seen.
const MARGIN_PIXELS = 48;

interface StepsGridProps {
  label: string;
  cells: readonly CardCell[];
  /** Ascending, at least one. */
  steps: readonly number[];
  /** The one that is chosen. */
  step: number;
  chooseStep: (step: number) => void;
  height: number;
  /** Of a list, the one record to show. */
  only: number | undefined;
}

interface Scrolled {
  left: number;
  top: number;
}

export default function StepsGrid({ label, cells, steps, step, chooseStep, height, only }: StepsGridProps) {
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const box = useBox(root);
  const [{ left, top }, setScrolled] = useState<Scrolled>({ left: 0, top: 0 });
  const [active, setActive] = useState<Place | null>(null);
  const nameWidth = box.width < NARROW ? NARROW_NAME_WIDTH : NAME_WIDTH;
  const seenWidth = box.width - nameWidth;
  const seenHeight = box.height - HEADER_HEIGHT;
  const columns = rowsInView(-left, 0, seenWidth, COLUMN_WIDTH, steps.length, MARGIN_PIXELS);
  const rows = rowsInView(-top, 0, seenHeight, ROW_HEIGHT, cells.length, MARGIN_PIXELS);
  const shownSteps = steps.slice(columns.first, columns.end);
  const shownCells = cells.slice(rows.first, rows.end);
  useWatched(
    shownCells.flatMap((cell) =>
      shownSteps
        .filter((one) => hasLogged(cell, one))
        .map((one) => ({ what: "record" as const, series: cell.series, step: one })),
    ),
    box.width > 0,
  );

  const chosenColumn = positionOf(steps, step);
  useChosenInView(root, chosenColumn * COLUMN_WIDTH, seenWidth);

  const reveal = (place: Place) => {
    const element = root.current!;
    element.scrollTo({
      left: revealed(element.scrollLeft, place.column * COLUMN_WIDTH, COLUMN_WIDTH, seenWidth),
      top: revealed(element.scrollTop, place.row * ROW_HEIGHT, ROW_HEIGHT, seenHeight),
    });
  };
  const choose = (place: Place) => {
    setActive(place);
    chooseStep(steps[place.column]);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const from = active ?? { row: 0, column: chosenColumn };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(from);
      return;
    }
    const pageRows = Math.max(1, Math.floor(seenHeight / ROW_HEIGHT) - 1);
    const next = nextPlace(from, event.key, event.ctrlKey || event.metaKey, pageRows);
    if (!next) return;
    event.preventDefault();
    const place = {
      row: Math.min(Math.max(next.row, 0), cells.length - 1),
      column: Math.min(Math.max(next.column, 0), steps.length - 1),
    };
    setActive(place);
    reveal(place);
  };

  return (
    <div
      ref={root}
      className={styles.grid}
      style={{ height }}
      role="grid"
      aria-label={isolated`${label}: ${plural(cells.length, "run")}, ${plural(steps.length, "step")}`}
      aria-rowcount={cells.length + 1}
      aria-colcount={steps.length + 1}
      aria-activedescendant={active ? `${id}-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onScroll={({ currentTarget }) => setScrolled({ left: currentTarget.scrollLeft, top: currentTarget.scrollTop })}
    >
      <div
        className={styles.track}
        role="presentation"
        style={{ width: nameWidth + steps.length * COLUMN_WIDTH, height: HEADER_HEIGHT + cells.length * ROW_HEIGHT }}
      >
        <div className={styles.header} role="row" aria-rowindex={1} style={{ height: HEADER_HEIGHT }}>
          <div className={styles.corner} role="columnheader" aria-colindex={1} style={{ width: nameWidth }}>
            step
          </div>
          {shownSteps.map((one, index) => {
            const column = columns.first + index;
            return (
              <div
                key={one}
                className={styles.step}
                role="columnheader"
                aria-colindex={column + 2}
                data-chosen={column === chosenColumn}
                style={{ left: nameWidth + column * COLUMN_WIDTH, width: COLUMN_WIDTH }}
              >
                {formatCount(one)}
              </div>
            );
          })}
        </div>
        {shownCells.map((cell, index) => {
          const row = rows.first + index;
          return (
            <div
              key={cell.run.id}
              className={styles.row}
              role="row"
              aria-rowindex={row + 2}
              style={{ height: ROW_HEIGHT, top: HEADER_HEIGHT + row * ROW_HEIGHT }}
            >
              <div className={styles.name} role="rowheader" aria-colindex={1} style={{ width: nameWidth }}>
                <RunSwatch style={cell.run.style} />
                <span title={isolate(cell.run.name)}>{cell.run.name}</span>
              </div>
              {shownSteps.map((one, at) => {
                const column = columns.first + at;
                return (
                  <div
                    key={one}
                    id={`${id}-${row}-${column}`}
                    className={styles.cell}
                    role="gridcell"
                    aria-colindex={column + 2}
                    aria-selected={active?.row === row && active.column === column}
                    data-chosen={column === chosenColumn}
                    style={{ left: nameWidth + column * COLUMN_WIDTH, width: COLUMN_WIDTH }}
                    onClick={() => choose({ row, column })}
                  >
                    <AtStep cell={cell} step={one} only={only} />
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const hasLogged = ({ steps }: CardCell, step: number) => stepAtMost(steps, step) === step;

/** Where a view begins that shows a part whole, moved as little as needed. */
export function revealed(viewStart: number, start: number, size: number, viewSize: number): number {
  if (start < viewStart) return start;
  return Math.max(viewStart, start + size - viewSize);
}

/** Follows the chosen step for as long as a person has not scrolled away from it. */
function useChosenInView(root: RefObject<HTMLDivElement | null>, start: number, seenWidth: number): void {
  const before = useRef<number | null>(null);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element || seenWidth <= 0) return;
    const last = before.current;
    const wasSeen = last === null || revealed(element.scrollLeft, last, COLUMN_WIDTH, seenWidth) === element.scrollLeft;
    if (wasSeen) element.scrollTo({ left: revealed(element.scrollLeft, start, COLUMN_WIDTH, seenWidth) });
    before.current = start;
  }, [root, start, seenWidth]);
}

function AtStep({ cell, step, only }: { cell: CardCell; step: number; only: number | undefined }) {
  if (!hasLogged(cell, step)) return <span className={styles.none}>–</span>;
  const record = recordStore.record(cell.series, step);
  const error = recordStore.error({ what: "record", series: cell.series, step });
  if (record) return <Thumbnail document={record.document} only={only} />;
  return error ? <span title={error.message}>could not be read</span> : <span className="visuallyHidden">loading</span>;
}
