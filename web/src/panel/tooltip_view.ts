/** Shows the values under the cursor in an element of its own: made anew for each frame in which the cursor moved, never by React. */
import type { LineStyle } from "../chart/model";
import { formatCount } from "../format/number";
import { copyText } from "../ui/copy_text";
import { type Cursor, unpin } from "./cursor";
import { type TooltipContent, tooltipContent, type TooltipRow, tooltipText } from "./tooltip_rows";
import styles from "./Tooltip.module.css";

const ROWS_MAX = 12;
const PINNED_ROWS_MAX = 1000;
const GAP_PIXELS = 14;
const EDGE_PIXELS = 4;

export class TooltipView {
  private pinned: Cursor | null = null;

  constructor(private readonly element: HTMLElement) {
    this.show(null, null);
  }

  /** @param pinned what is kept on the screen, whatever the cursor does. */
  show(cursor: Cursor | null, pinned: Cursor | null): void {
    // What is pinned may be selected, scrolled and focused: it is left alone.
    if (pinned && pinned === this.pinned) return;
    this.pinned = pinned;
    const shown = pinned ?? cursor;
    const content = shown && tooltipContent(shown, pinned ? PINNED_ROWS_MAX : ROWS_MAX);
    const { element } = this;
    element.hidden = !content;
    if (!shown || !content) return element.replaceChildren();
    element.className = pinned ? `${styles.tooltip} ${styles.pinned}` : styles.tooltip;
    element.setAttribute("aria-live", !pinned && shown.pixelY === null ? "polite" : "off");
    element.replaceChildren(...parts(content, pinned));
    place(element, shown);
  }
}

function parts(content: TooltipContent, pinned: Cursor | null): HTMLElement[] {
  const head = make("div", styles.head);
  head.append(make("span", styles.where, content.head));
  if (pinned) {
    const copy = button("Copy", () => {
      copyText(tooltipText(content)).then(
        () => (copy.textContent = "Copied"),
        () => (copy.textContent = "Not copied"),
      );
    });
    const close = button("×", unpin);
    close.setAttribute("aria-label", "Close the pinned values");
    head.append(copy, close);
  }
  const table = make("table");
  if (content.columns.length > 0) table.append(headRow(content.columns));
  const body = make("tbody");
  for (const row of content.rows) body.append(rowOf(row, pinned));
  table.append(body);
  const scroller = make("div", styles.scroller);
  scroller.append(table);
  if (content.moreCount === 0) return [head, scroller];
  return [head, scroller, make("div", styles.more, `… ${formatCount(content.moreCount)} more`)];
}

function headRow(columns: readonly string[]): HTMLElement {
  const head = make("thead");
  const row = make("tr");
  row.append(make("td"));
  for (const name of columns) {
    const cell = make("th", "", name);
    cell.setAttribute("scope", "col");
    row.append(cell);
  }
  head.append(row);
  return head;
}

function rowOf(row: TooltipRow, pinned: Cursor | null): HTMLElement {
  const element = make("tr", row.isNearest ? styles.nearest : "");
  const head = make("th");
  head.setAttribute("scope", "row");
  const pick = pinned?.pick;
  const name = pick ? button(row.name, () => pick(row.id)) : make("span", "", row.name);
  name.classList.add(styles.name);
  if (pick) name.title = `Highlight ${row.name}`;
  const named = make("span", styles.named);
  named.append(swatch(row.style), name);
  head.append(named);
  element.append(head);
  for (const { text, exact, isMuted } of row.cells) {
    const cell = make("td", isMuted ? styles.muted : "", text);
    if (exact !== undefined) cell.title = exact;
    element.append(cell);
  }
  return element;
}

function make(tag: string, className = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function button(text: string, act: () => void): HTMLElement {
  const element = make("button", "quiet", text);
  element.setAttribute("type", "button");
  element.addEventListener("click", act);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** A short piece of the line, as `RunSwatch` draws it. */
function swatch({ color, dash }: LineStyle): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", "16");
  svg.setAttribute("height", "12");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "line");
  const places = { x1: "0", y1: "6", x2: "16", y2: "6", stroke: color, "stroke-width": "3" };
  for (const [name, value] of Object.entries(places)) line.setAttribute(name, value);
  if (dash.length > 0) line.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(line);
  return svg;
}

/** Beside the pointer, on the side where there is room, and never outside the window. */
function place(element: HTMLElement, { clientX, clientY }: Cursor): void {
  const { offsetWidth: width, offsetHeight: height } = element;
  const isLeft = clientX + GAP_PIXELS + width > innerWidth - EDGE_PIXELS;
  const wanted = isLeft ? clientX - GAP_PIXELS - width : clientX + GAP_PIXELS;
  const left = Math.max(EDGE_PIXELS, Math.min(wanted, innerWidth - width - EDGE_PIXELS));
  const top = Math.max(EDGE_PIXELS, Math.min(clientY + GAP_PIXELS, innerHeight - height - EDGE_PIXELS));
  element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}
