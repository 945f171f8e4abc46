/** The drawing of a chart with what lies over it: the shared cursor, the marked range, and the pointer's and the keyboard's moves. */
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import type { XAxis } from "../api/series";
import { Chart } from "../chart/chart";
import type { Frame } from "../chart/frame";
import type { ChartModel } from "../chart/model";
import { toPixel, toValue } from "../chart/scale";
import styles from "./ChartPlot.module.css";
import { getCursor, setCursor, subscribeCursor } from "./cursor";

export interface ChartPlotProps {
  model: ChartModel;
  axis: XAxis;
  label: string;
  nameOf: (seriesId: string) => string;
  onPainted: (frame: Frame, model: ChartModel) => void;
  /** A range on the axis itself; null for all of it. */
  onZoom: (range: [number, number] | null) => void;
}

// A press that moves less than this is a click.
const DRAG_PIXELS_MIN = 5;
// Presses of an arrow key from one end of the chart to the other.
const KEY_MOVES = 50;

export function ChartPlot({ model, axis, label, nameOf, onPainted, onZoom }: ChartPlotProps) {
  const container = useRef<HTMLDivElement>(null);
  const line = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const painted = useRef(onPainted);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);

  useEffect(() => {
    painted.current = onPainted;
  });

  useEffect(() => {
    const element = container.current;
    if (!element) return;
    const own = new Chart(element, (frame, shown) => painted.current(frame, shown));
    chart.current = own;
    const observer = new ResizeObserver(() => own.resize(element.clientWidth, element.clientHeight));
    observer.observe(element);
    own.resize(element.clientWidth, element.clientHeight);
    return () => {
      observer.disconnect();
      own.close();
      chart.current = null;
      if (getCursor()?.source === own) setCursor(null);
    };
  }, []);

  useEffect(() => {
    chart.current?.show(model);
  }, [model]);

  useEffect(() => {
    const move = () => {
      const cursor = getCursor();
      const frame = chart.current?.frame;
      const element = line.current;
      if (!element || !frame) return;
      const pixel = cursor && cursor.axis === axis ? toPixel(frame.x, cursor.x - Number(model.xBase)) : Number.NaN;
      const isInside = pixel >= frame.plot.left && pixel <= frame.plot.right;
      element.style.visibility = isInside ? "visible" : "hidden";
      if (!isInside) return;
      element.style.transform = `translateX(${pixel}px)`;
      element.style.top = `${frame.plot.top}px`;
      element.style.height = `${frame.plot.bottom - frame.plot.top}px`;
    };
    move();
    return subscribeCursor(move);
  }, [axis, model]);

  const placeOf = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return { pixelX: event.clientX - box.left, pixelY: event.clientY - box.top };
  };

  const pointAt = (pixelX: number, pixelY: number | null, clientX: number, clientY: number) => {
    const own = chart.current;
    const frame = own?.frame;
    if (!own || !frame) return;
    const clamped = Math.min(Math.max(pixelX, frame.plot.left), frame.plot.right);
    const x = toValue(frame.x, clamped);
    setCursor({ axis, x: x + Number(model.xBase), source: own, sourceX: x, pixelY, clientX, clientY, nameOf });
  };

  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    const { pixelX, pixelY } = placeOf(event);
    if (event.pointerType === "touch") {
      // A finger reads values; zooming with it would take the page's own gestures away.
      pointAt(pixelX, pixelY, event.clientX, event.clientY);
      return;
    }
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ from: pixelX, to: pixelX });
  };

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const { pixelX, pixelY } = placeOf(event);
    if (drag) setDrag({ from: drag.from, to: pixelX });
    pointAt(pixelX, pixelY, event.clientX, event.clientY);
  };

  const onPointerUp = () => {
    const frame = chart.current?.frame;
    setDrag(null);
    if (!drag || !frame || Math.abs(drag.to - drag.from) < DRAG_PIXELS_MIN) return;
    const ends = [drag.from, drag.to].map((pixel) => Math.min(Math.max(pixel, frame.plot.left), frame.plot.right));
    const [low, high] = ends.map((pixel) => toValue(frame.x, pixel) + Number(model.xBase)).sort((a, b) => a - b);
    if (low < high) onZoom([low, high]);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const own = chart.current;
    const frame = own?.frame;
    if (!own || !frame) return;
    if (event.key === "Escape") {
      setDrag(null);
      setCursor(null);
    } else if (event.key === "0") onZoom(null);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      const cursor = getCursor();
      const { left, right, top } = frame.plot;
      const now = cursor?.source === own ? toPixel(frame.x, cursor.sourceX) : (left + right) / 2;
      const next = Math.min(
        right,
        Math.max(left, now + ((right - left) / KEY_MOVES) * (event.key === "ArrowLeft" ? -1 : 1)),
      );
      const box = event.currentTarget.getBoundingClientRect();
      pointAt(next, null, box.left + next, box.top + top);
    }
  };

  const leave = () => {
    if (!drag && getCursor()?.source === chart.current) setCursor(null);
  };

  const isDragging = drag !== null && Math.abs(drag.to - drag.from) >= DRAG_PIXELS_MIN;
  return (
    <div
      ref={container}
      className={styles.plot}
      role="img"
      aria-label={label}
      // arrow keys move the cursor over the chart and read its values out.
      tabIndex={0}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={() => setDrag(null)}
      onPointerLeave={leave}
      onBlur={leave}
      onDoubleClick={() => onZoom(null)}
      onKeyDown={onKeyDown}
    >
      <div ref={line} className={styles.cursor} />
      {isDragging && (
        <div
          className={styles.range}
          style={{ left: Math.min(drag.from, drag.to), width: Math.abs(drag.to - drag.from) }}
        />
      )}
    </div>
  );
}
