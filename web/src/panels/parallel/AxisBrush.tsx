/** The brush of an axis: drawn with the pointer, its ends moved by keys. */
import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { isolated } from "../../format/isolated";
import { columnTitle } from "../columns";
import type { AxisRange } from "./config";
import { type AxisModel, brushOf, rangeOf, rangeWords, wordsAt } from "./model";
import styles from "./Parallel.module.css";

// A press that moves less clears the brush.
const DRAG_PIXELS = 3;
// How far a key moves an end of the brush on an axis of numbers.
const KEY_SHARE = 0.02;

interface AxisBrushProps {
  axis: AxisModel;
  left: number;
  top: number;
  height: number;
  /** Shows a range that is not final yet. */
  draw: (range: AxisRange | null) => void;
  /** Keeps a range. */
  set: (range: AxisRange | null) => void;
}

interface Grip {
  from: number;
  /** The other end of the brush while an end is dragged; the place of the press while a new one is drawn. */
  anchor: number;
}

export function AxisBrush({ axis, left, top, height, draw, set }: AxisBrushProps) {
  const root = useRef<HTMLDivElement>(null);
  const grip = useRef<Grip | null>(null);
  const latest = useRef<AxisRange | null>(null);
  const brush = brushOf(axis);
  const title = columnTitle(axis.column);

  const shareAt = (clientY: number) => {
    const box = root.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (box.bottom - clientY) / box.height));
  };
  const begin = (event: PointerEvent, anchor: number) => {
    root.current!.setPointerCapture(event.pointerId);
    grip.current = { from: event.clientY, anchor };
    latest.current = axis.range;
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!grip.current || Math.abs(event.clientY - grip.current.from) < DRAG_PIXELS) return;
    latest.current = rangeOf(axis, grip.current.anchor, shareAt(event.clientY));
    draw(latest.current);
  };
  const onPointerUp = (event: PointerEvent) => {
    if (!grip.current) return;
    const isPress = Math.abs(event.clientY - grip.current.from) < DRAG_PIXELS;
    const isOnEnd = event.target instanceof Element && event.target.closest('[role="slider"]') !== null;
    grip.current = null;
    if (!isPress) set(latest.current);
    else if (brush && !isOnEnd) set(null);
  };

  const ends = brush ?? [0, 1];
  const onKeyDown = (event: KeyboardEvent, end: 0 | 1) => {
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 }[event.key];
    const unit = axis.kind === "number" ? KEY_SHARE : 1 / axis.texts.length;
    let share: number | null = null;
    if (by) share = ends[end] + by * unit;
    else if (event.key === "Home") share = 0;
    else if (event.key === "End") share = 1;
    else if (event.key === "Escape" && brush) {
      event.preventDefault();
      event.stopPropagation();
      set(null);
    }
    if (share === null) return;
    event.preventDefault();
    event.stopPropagation();
    const other = ends[1 - end];
    // On an axis of texts an end stands between two of them, and half a step inside means the nearer one.
    const inset = axis.kind === "number" ? 0 : unit / 2;
    const moved = end === 0 ? Math.min(share, other) + inset : Math.max(share, other) - inset;
    const kept = end === 0 ? other - inset : other + inset;
    set(rangeOf(axis, Math.min(1, Math.max(0, moved)), kept));
  };

  return (
    <div
      ref={root}
      className={styles.brush}
      style={{ left: left - BRUSH_WIDTH / 2, top, width: BRUSH_WIDTH, height }}
      data-column={axis.column}
      onPointerDown={(event) => begin(event, shareAt(event.clientY))}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
    >
      {brush && (
        <div
          className={styles.range}
          style={{ top: (1 - brush[1]) * height, height: Math.max(2, (brush[1] - brush[0]) * height) }}
          title={axis.range ? rangeWords(axis, axis.range) : undefined}
        />
      )}
      {([0, 1] as const).map((end) => (
        <div
          key={end}
          className={styles.end}
          style={{ top: (1 - ends[end]) * height }}
          role="slider"
          tabIndex={0}
          aria-orientation="vertical"
          aria-label={isolated`${end === 0 ? "Lower" : "Upper"} end of the brush on ${title}`}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(ends[end] * 100)}
          aria-valuetext={brush ? wordsAt(axis, ends[end]) : "not brushed"}
          data-brushed={brush !== null || undefined}
          onPointerDown={(event) => {
            if (!brush) return;
            event.stopPropagation();
            begin(event, ends[1 - end]);
          }}
          onKeyDown={(event) => onKeyDown(event, end)}
        />
      ))}
    </div>
  );
}

const BRUSH_WIDTH = 28;
