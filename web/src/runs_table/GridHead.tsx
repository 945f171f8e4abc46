/** The name of a column: a press sorts by it, a drag moves it, its edge makes it wider. */
import { type MouseEvent, type PointerEvent, useRef, useState } from "react";
import { isolated } from "../format/isolated";
import { columnLabel, originOf } from "../runs/column_names";
import { WIDTH_MAX, WIDTH_MIN } from "../runs/widths";
import styles from "./RunsGrid.module.css";

export interface HeadActions {
  onSort: (column: string, isAdded: boolean) => void;
  /** @param isLast whether the pointer has let go. */
  onWidth: (column: string, width: number, isLast: boolean) => void;
  /** Moves a column by a way in pixels; 0 pixels at the end of a drag that led nowhere. */
  onDrag: (column: string, way: number, isLast: boolean) => void;
}

interface GridHeadProps extends HeadActions {
  id?: string;
  column: string;
  place: number;
  left: number | null;
  width: number;
  order: "ascending" | "descending" | "none";
  /** Which of several orders it is, counted from 1; 0 for the only one. */
  rank: number;
  isActive: boolean;
  isFixed: boolean;
  isNumber: boolean;
}

// A hand that presses trembles this far.
const DRAG_PIXELS = 5;

export function GridHead(props: GridHeadProps) {
  const { id, column, place, left, width, order, rank, isActive, isFixed, onSort, onWidth, onDrag } = props;
  const grip = useRef<{ from: number; width: number } | null>(null);
  const drag = useRef<{ from: number; isMoving: boolean } | null>(null);
  const [isDragged, setDragged] = useState(false);
  const hasJustMoved = useRef(false);
  const origin = originOf(column);

  const widthAt = (event: PointerEvent) =>
    Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, grip.current!.width + event.clientX - grip.current!.from)));
  const moveDrag = (event: PointerEvent<HTMLButtonElement>) => {
    if (!drag.current || isFixed) return;
    const way = event.clientX - drag.current.from;
    if (!drag.current.isMoving && Math.abs(way) < DRAG_PIXELS) return;
    if (!drag.current.isMoving) {
      drag.current.isMoving = true;
      event.currentTarget.setPointerCapture(event.pointerId);
      setDragged(true);
    }
    onDrag(column, way, false);
  };
  const endDrag = (event: PointerEvent<HTMLButtonElement>, isKept: boolean) => {
    if (drag.current?.isMoving) {
      hasJustMoved.current = isKept;
      onDrag(column, isKept ? event.clientX - drag.current.from : 0, true);
    }
    drag.current = null;
    setDragged(false);
  };
  const press = (event: MouseEvent) => {
    if (hasJustMoved.current) hasJustMoved.current = false;
    else onSort(column, event.shiftKey);
  };
  return (
    <div
      id={id}
      className={styles.head}
      role="columnheader"
      aria-colindex={place + 2}
      aria-sort={order}
      data-column={column}
      data-active={isActive}
      data-dragged={isDragged}
      data-number={props.isNumber}
      style={{ left: left ?? undefined, width }}
      title={isolated`${column}\nPress: sort. Shift press: sort by it as well. ${isFixed ? "" : "Drag, or Alt ← →: move. "}Alt Shift ← →: width`}
    >
      <button
        type="button"
        className="quiet"
        tabIndex={-1}
        onClick={press}
        onPointerDown={(event) => {
          if (event.button === 0) drag.current = { from: event.clientX, isMoving: false };
        }}
        onPointerMove={moveDrag}
        onPointerUp={(event) => endDrag(event, true)}
        onPointerCancel={(event) => endDrag(event, false)}
      >
        <span className={styles.origin}>{origin === "run" ? "" : origin}</span>
        <span className={styles.label}>
          <span>{columnLabel(column)}</span>
          {order !== "none" && (
            <i aria-hidden="true">
              {order === "descending" ? "▾" : "▴"}
              {rank > 0 && <small>{rank}</small>}
            </i>
          )}
        </span>
      </button>
      <div
        className={styles.grip}
        aria-hidden="true"
        data-testid="grip"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          grip.current = { from: event.clientX, width };
        }}
        onPointerMove={(event) => {
          if (grip.current) onWidth(column, widthAt(event), false);
        }}
        onPointerUp={(event) => {
          if (grip.current) onWidth(column, widthAt(event), true);
          grip.current = null;
        }}
      />
    </div>
  );
}
