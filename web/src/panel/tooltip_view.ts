/** Shows the values under the cursor in an element of its own, once for each frame in which the cursor moved, never by React. */
import type { Chart } from "../chart/chart";
import { type Cursor, isBetween } from "./cursor";
import styles from "./Tooltip.module.css";
import { setClass, shapeOf, TooltipParts } from "./tooltip_parts";
import { tooltipContent } from "./tooltip_rows";

const ROWS_MAX = 12;
const PINNED_ROWS_MAX = 1000;
const GAP_PIXELS = 14;
const EDGE_PIXELS = 4;

export class TooltipView {
  private pinned: Cursor | null = null;
  private source: Chart | null = null;
  private parts: TooltipParts | null = null;
  private readonly observer: ResizeObserver;
  /** Width and height. */
  private size: [number, number] = [0, 0];

  constructor(private readonly element: HTMLElement) {
    // Read when it has changed, not at each move: asking would lay out the page in the middle of the frame.
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(element);
    this.show(null, null);
  }

  close(): void {
    this.observer.disconnect();
  }

  /** @param pinned what is kept on the screen, whatever the cursor does. */
  show(cursor: Cursor | null, pinned: Cursor | null): void {
    // What is pinned may be selected, scrolled and focused: it is left alone.
    if (pinned && pinned === this.pinned) return;
    // Values that change at each frame cannot be read: moves in between take along those that are there.
    if (cursor && !pinned && !this.pinned && this.parts && cursor.source === this.source && isBetween())
      return place(this.element, this.size, cursor);
    this.pinned = pinned;
    this.source = cursor?.source ?? null;
    const shown = pinned ?? cursor;
    const content = shown && tooltipContent(shown, pinned ? PINNED_ROWS_MAX : ROWS_MAX);
    const { element } = this;
    element.hidden = !content;
    if (!shown || !content) {
      this.parts = null;
      return element.replaceChildren();
    }
    setClass(element, pinned ? `${styles.tooltip} ${styles.pinned}` : styles.tooltip);
    element.ariaLive = !pinned && shown.pixelY === null ? "polite" : "off";
    if (this.parts?.shape === shapeOf(content, pinned)) {
      this.parts.write(content);
    } else {
      this.parts = new TooltipParts(content, pinned);
      element.replaceChildren(...this.parts.elements);
      this.measure();
    }
    place(element, this.size, shown);
  }

  private measure(): void {
    this.size = [this.element.offsetWidth, this.element.offsetHeight];
  }
}
/** Beside the pointer, on the side where there is room, and never outside the window. */
function place(element: HTMLElement, [width, height]: [number, number], { clientX, clientY }: Cursor): void {
  const isLeft = clientX + GAP_PIXELS + width > innerWidth - EDGE_PIXELS;
  const wanted = isLeft ? clientX - GAP_PIXELS - width : clientX + GAP_PIXELS;
  const left = Math.max(EDGE_PIXELS, Math.min(wanted, innerWidth - width - EDGE_PIXELS));
  const top = Math.max(EDGE_PIXELS, Math.min(clientY + GAP_PIXELS, innerHeight - height - EDGE_PIXELS));
  element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}
