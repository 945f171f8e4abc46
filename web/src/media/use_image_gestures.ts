/** Zooms and moves an image by wheel with Ctrl, dragging, two fingers, arrow keys; a double click shows it whole again. */
import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useRef } from "react";
import { type ChangeLook, DEFAULT_LOOK, dragged, type ImageLook, pinched, type Place, zoomed } from "./image_look";

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
    // One finger scrolls what is around an image that is whole; two are the image's, wherever they go.
    const onTouchMove = (event: TouchEvent) => {
      const touches = [...event.touches].filter(({ target }) => frame.current?.contains(target as Node));
      if (touches.length > 1 && event.cancelable) event.preventDefault();
    };
    document.addEventListener("wheel", onWheel, { passive: false });
    document.addEventListener("touchmove", onTouchMove, { passive: false });
    return () => {
      document.removeEventListener("wheel", onWheel);
      document.removeEventListener("touchmove", onTouchMove);
    };
  }, [frame, hasGestures]);

  // The mouse and the fingers that hold the image, in pixels of the view.
  const held = useRef(new Map<number, Place>());
  const pinch = useRef<{ look: ImageLook; before: [Place, Place] } | null>(null);
  if (!change) return {};
  const isZoomed = look.zoom > 1;
  const fingers = () => [...held.current.values()].slice(0, 2) as [Place, Place];
  /** Fingers have come or gone: those that are left begin from where they are. */
  const grip = () => {
    pinch.current = held.current.size > 1 ? { look: newest.current.look, before: fingers() } : null;
  };
  const release = (event: PointerEvent<HTMLElement>) => {
    if (held.current.delete(event.pointerId)) grip();
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0 || !(isZoomed || event.pointerType === "touch")) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      held.current.set(event.pointerId, placeOf(event));
      grip();
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const before = held.current.get(event.pointerId);
      if (!before) return;
      const now = placeOf(event);
      held.current.set(event.pointerId, now);
      const size = event.currentTarget.getBoundingClientRect();
      if (pinch.current) change(pinched(pinch.current.look, pinch.current.before, fingers(), size));
      else if (isZoomed) {
        change(dragged(newest.current.look, (now.x - before.x) / size.width, (now.y - before.y) / size.height));
      }
    },
    onPointerUp: release,
    onPointerCancel: release,
    onDoubleClick: () => change({ zoom: DEFAULT_LOOK.zoom, x: DEFAULT_LOOK.x, y: DEFAULT_LOOK.y }),
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      const arrow = ARROWS[event.key];
      if (!isZoomed || !arrow) return;
      event.preventDefault();
      change(dragged(look, arrow[0] * KEY_SHARE, arrow[1] * KEY_SHARE));
    },
  };
}

function placeOf(event: PointerEvent<HTMLElement>): Place {
  const box = event.currentTarget.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}
