/** What a person does to a chart with a mouse, fingers or keys, told as what is wanted of it: no drawing, no data. */
import type { Frame } from "../chart/frame";
import { togglePin } from "./cursor";
import { panned, pinched, type Range, zoomedAbout } from "./zoom";

export interface PlotWishes {
  /** Where values lie now; null while nothing is drawn. */
  frame: () => Frame | null;
  /** The pointer, or the keys' cursor, is at a place of the plot. */
  point: (pixelX: number, pixelY: number | null) => void;
  /** The pixel of the cursor of the keys; null where this chart has none. */
  pointedAt: () => number | null;
  leave: () => void;
  /** The part between two pixels is being marked; null when no longer. */
  mark: (ends: [number, number] | null) => void;
  /** The part between two pixels was marked. */
  select: (ends: [number, number]) => void;
  /** Shows a range for as long as the gesture goes on. */
  preview: (range: Range, isMove: boolean) => void;
  /** The gesture has come to rest: what it shows stays. `hasMore`: it may go on at once, as a wheel does. */
  settle: (hasMore: boolean) => void;
  all: () => void;
  back: () => void;
  /** A press without a drag. `count` is 2 for the second one of a double click. */
  click: (pixelX: number, count: number) => void;
  cancel: () => void;
}

// A press that moves less than this is a click.
const DRAG_PIXELS_MIN = 5;
// A finger that lies still for this long keeps the values under it on the screen, as the key p does.
const HOLD_MS = 500;
// Presses of an arrow key from one end of the chart to the other.
const KEY_MOVES = 50;
const KEY_PAN_SHARE = 0.1;
const KEY_ZOOM = 1.5;
// A wheel at rest for this long has come to its end.
const WHEEL_REST_MS = 150;
const WHEEL_PIXELS_PER_DOUBLING = 250;
const WHEEL_PIXELS_MAX = 125;

type Press = { kind: "mark" | "move"; fromX: number; at: number; start: Frame };

/** Hears the gestures of an element until closed. */
export class PlotGestures {
  private press: Press | null = null;
  private readonly fingers = new Map<number, number>();
  private pinch: { before: Range; start: Frame } | null = null;
  private hasDragged = false;
  private hold: { x: number; y: number; timer: ReturnType<typeof setTimeout> } | null = null;
  private isTouch = false;
  private wheelTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly controller = new AbortController();

  constructor(
    private readonly element: HTMLElement,
    private readonly wishes: PlotWishes,
  ) {
    const { signal } = this.controller;
    element.addEventListener("pointerdown", (event) => this.onDown(event), { signal });
    element.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    element.addEventListener("pointerup", (event) => this.onUp(event), { signal });
    element.addEventListener("pointercancel", (event) => this.onCancel(event), { signal });
    element.addEventListener("pointerleave", () => this.onLeave(), { signal });
    element.addEventListener("blur", () => this.onLeave(), { signal });
    element.addEventListener("click", (event) => this.onClick(event), { signal });
    element.addEventListener("dblclick", () => wishes.all(), { signal });
    element.addEventListener("keydown", (event) => this.onKey(event), { signal });
    element.addEventListener("wheel", (event) => this.onWheel(event), { signal, passive: false });
  }

  close(): void {
    clearTimeout(this.wheelTimer);
    this.endHold();
    this.controller.abort();
  }

  private placeOf(event: MouseEvent): [number, number] {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private onDown(event: PointerEvent): void {
    const start = this.wishes.frame();
    if (event.button !== 0 || !start) return;
    const [x, y] = this.placeOf(event);
    this.hasDragged = false;
    this.isTouch = event.pointerType === "touch";
    if (this.isTouch) {
      // One finger reads values, keeps them where it lies still, and scrolls the page; two zoom.
      this.fingers.set(event.pointerId, x);
      const [first, second] = [...this.fingers.values()];
      this.endHold();
      if (second === undefined) {
        this.wishes.point(x, y);
        this.hold = { x, y, timer: setTimeout(togglePin, HOLD_MS) };
      } else this.pinch = { before: [first, second], start };
      return;
    }
    this.element.setPointerCapture(event.pointerId);
    this.press = { kind: event.shiftKey ? "move" : "mark", fromX: x, at: x, start };
  }

  private onMove(event: PointerEvent): void {
    const [x, y] = this.placeOf(event);
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, x);
    if (this.hold && Math.hypot(x - this.hold.x, y - this.hold.y) >= DRAG_PIXELS_MIN) this.endHold();
    if (this.pinch) {
      const [first, second] = [...this.fingers.values()];
      this.wishes.preview(pinched(this.pinch.start.x, this.pinch.before, [first, second]), false);
      return;
    }
    if (this.press) {
      this.press.at = x;
      this.hasDragged ||= Math.abs(x - this.press.fromX) >= DRAG_PIXELS_MIN;
      if (this.hasDragged) this.drag(this.press);
    }
    this.wishes.point(x, y);
  }

  private drag({ kind, fromX, at, start }: Press): void {
    if (kind === "mark") this.wishes.mark([fromX, at]);
    else this.wishes.preview(panned(start.x, at - fromX), true);
  }

  private endHold(): void {
    clearTimeout(this.hold?.timer);
    this.hold = null;
  }

  private onUp(event: PointerEvent): void {
    this.endHold();
    if (this.fingers.delete(event.pointerId) && this.pinch) {
      this.pinch = null;
      this.wishes.settle(false);
    }
    const { press } = this;
    this.press = null;
    this.wishes.mark(null);
    if (!press || !this.hasDragged) return;
    if (press.kind === "mark") this.wishes.select([press.fromX, press.at]);
    else this.wishes.settle(false);
  }

  private onCancel(event: PointerEvent): void {
    this.endHold();
    this.fingers.delete(event.pointerId);
    if (this.pinch) this.wishes.settle(false);
    this.pinch = null;
    this.press = null;
    this.wishes.mark(null);
  }

  private onLeave(): void {
    if (!this.press) this.wishes.leave();
  }

  private onClick(event: MouseEvent): void {
    if (this.hasDragged || this.isTouch) return;
    this.wishes.click(this.placeOf(event)[0], event.detail);
  }

  private onWheel(event: WheelEvent): void {
    const frame = this.wishes.frame();
    if (!frame || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const [x] = this.placeOf(event);
    const turned = Math.min(WHEEL_PIXELS_MAX, Math.max(-WHEEL_PIXELS_MAX, event.deltaY));
    const pixel = Math.min(Math.max(x, frame.plot.left), frame.plot.right);
    this.wishes.preview(zoomedAbout(frame.x, pixel, 2 ** (turned / WHEEL_PIXELS_PER_DOUBLING)), false);
    clearTimeout(this.wheelTimer);
    this.wheelTimer = setTimeout(() => this.wishes.settle(true), WHEEL_REST_MS);
  }

  private onKey(event: KeyboardEvent): void {
    const frame = this.wishes.frame();
    if (!frame || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.actOn(event, frame)) event.preventDefault();
  }

  /** Returns whether the key means something to a chart. */
  private actOn({ key, shiftKey, repeat }: KeyboardEvent, frame: Frame): boolean {
    const { left, right } = frame.plot;
    const pointed = this.wishes.pointedAt();
    const middle = pointed ?? (left + right) / 2;
    const way = key === "ArrowLeft" ? -1 : 1;
    switch (key) {
      case "ArrowLeft":
      case "ArrowRight":
        if (shiftKey) this.once(panned(frame.x, -way * KEY_PAN_SHARE * (right - left)), true, repeat);
        else this.wishes.point(Math.min(right, Math.max(left, middle + (way * (right - left)) / KEY_MOVES)), null);
        return true;
      case "+":
      case "=":
        this.once(zoomedAbout(frame.x, middle, 1 / KEY_ZOOM), false, repeat);
        return true;
      case "-":
        this.once(zoomedAbout(frame.x, middle, KEY_ZOOM), false, repeat);
        return true;
      case "0":
        this.wishes.all();
        return true;
      case "Backspace":
        this.wishes.back();
        return true;
      case "Enter":
        if (pointed !== null) this.wishes.click(pointed, 1);
        return pointed !== null;
      case "Escape":
        this.press = null;
        this.wishes.cancel();
        return false;
      default:
        return false;
    }
  }

  private once(range: Range, isMove: boolean, isHeld: boolean): void {
    this.wishes.preview(range, isMove);
    this.wishes.settle(isHeld);
  }
}
