/** The name of an axis: dragged or moved by keys to another place, flipped, made logarithmic. */
import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { isolated } from "../../format/isolated";
import { columnTitle } from "../columns";
import type { AxisModel } from "./model";
import styles from "./Parallel.module.css";

// A press that moves less is none.
const DRAG_PIXELS = 4;

interface AxisHeadProps {
  axis: AxisModel;
  left: number;
  width: number;
  /** Told where the pointer drags it, in the pixels of the page. */
  drag: (clientX: number) => void;
  drop: () => void;
  move: (by: number) => void;
  flip: () => void;
  toggleLog: () => void;
}

export function AxisHead({ axis, left, width, drag, drop, move, flip, toggleLog }: AxisHeadProps) {
  const from = useRef<number | null>(null);
  const hasMoved = useRef(false);
  const title = columnTitle(axis.column);
  const onPointerDown = (event: PointerEvent<HTMLButtonElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    from.current = event.clientX;
    hasMoved.current = false;
  };
  const onPointerMove = (event: PointerEvent) => {
    if (from.current === null) return;
    hasMoved.current ||= Math.abs(event.clientX - from.current) >= DRAG_PIXELS;
    if (hasMoved.current) drag(event.clientX);
  };
  const end = () => {
    if (from.current !== null && hasMoved.current) drop();
    from.current = null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
    else if (event.key === "f") flip();
    else if (event.key === "l" && axis.kind === "number") toggleLog();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <button
      type="button"
      className={`quiet ${styles.head}`}
      style={{ left, width }}
      aria-label={isolated`Axis ${title}${axis.isLog ? ", log" : ""}${axis.isFlipped ? ", flipped" : ""}`}
      aria-keyshortcuts="ArrowLeft ArrowRight f l"
      title={isolated`${title}: drag it, or ← → move it; a press or f flips it; l makes it logarithmic`}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={end}
      onPointerCancel={end}
      onClick={() => {
        // The press that ends a drag is none of its own.
        if (!hasMoved.current) flip();
        hasMoved.current = false;
      }}
      onKeyDown={onKeyDown}
    >
      <span>{title}</span>
      {(axis.isFlipped || axis.scale.kind === "log") && (
        <i>{[axis.scale.kind === "log" ? "log" : "", axis.isFlipped ? "↓" : ""].filter(Boolean).join(" ")}</i>
      )}
    </button>
  );
}
