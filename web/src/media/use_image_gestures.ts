/** Zooms and moves an image by wheel with Ctrl, dragging, arrow keys; a double click shows it whole again. */
import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useRef } from "react";
import { type ChangeLook, DEFAULT_LOOK, dragged, type ImageLook, zoomed } from "./image_look";

// A notch of most wheels is 100: a factor of about 1.5.
const WHEEL_SPEED = 0.004;
// Of the view, by an arrow key.
const KEY_SHARE = 0.1;
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** @param change null where the image only stands there. */
export function useImageGestures(frame: RefObject<HTMLElement | null>, look: ImageLook, change: ChangeLook | null) {
  const newest = useRef({ look, change });
  useEffect(() => {
    newest.current = { look, change };
  });
  const hasGestures = change !== null;
  // The browser's own zoom can be held back by a listener of this kind only. Heard at the document: the frame may be another one later.
  useEffect(() => {
    if (!hasGestures) return;
    const onWheel = (event: WheelEvent) => {
      const element = frame.current;
      if (!(event.ctrlKey || event.metaKey) || !element?.contains(event.target as Node)) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
      newest.current.change?.(zoomed(newest.current.look, Math.exp(-event.deltaY * WHEEL_SPEED), at));
    };
    document.addEventListener("wheel", onWheel, { passive: false });
    return () => document.removeEventListener("wheel", onWheel);
  }, [frame, hasGestures]);

  const last = useRef<{ x: number; y: number } | null>(null);
  if (!change) return {};
  const isZoomed = look.zoom > 1;
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (!isZoomed || event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      last.current = { x: event.clientX, y: event.clientY };
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (!last.current) return;
      const { width, height } = event.currentTarget.getBoundingClientRect();
      const [right, down] = [event.clientX - last.current.x, event.clientY - last.current.y];
      last.current = { x: event.clientX, y: event.clientY };
      change(dragged(newest.current.look, right / width, down / height));
    },
    onPointerUp: () => {
      last.current = null;
    },
    onPointerCancel: () => {
      last.current = null;
    },
    onDoubleClick: () => change({ zoom: DEFAULT_LOOK.zoom, x: DEFAULT_LOOK.x, y: DEFAULT_LOOK.y }),
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      const arrow = ARROWS[event.key];
      if (!isZoomed || !arrow) return;
      event.preventDefault();
      change(dragged(look, arrow[0] * KEY_SHARE, arrow[1] * KEY_SHARE));
    },
  };
}
