/** The elements of a tooltip: made for one shape of content, then written anew with each move of the cursor. */
import type { LineStyle } from "../chart/model";
import { isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import { copyText } from "../ui/copy_text";
import { type Cursor, unpin } from "./cursor";
import styles from "./Tooltip.module.css";
import { type TooltipContent, type TooltipRow, tooltipText } from "./tooltip_rows";

/** Contents of one shape fit the same elements. */
export const shapeOf = ({ columns, rows, moreCount }: TooltipContent, pinned: Cursor | null): string =>
  [pinned ? "pinned" : "", rows.length, moreCount, ...columns].join("\n");

export class TooltipParts {
  readonly shape: string;
  readonly elements: HTMLElement[];
  private readonly where = make("span", styles.where);
  private readonly body = make("tbody");
  private readonly rows: Row[];

  constructor(
    content: TooltipContent,
    private readonly pinned: Cursor | null,
  ) {
    this.shape = shapeOf(content, pinned);
    const head = make("div", styles.head);
    head.append(this.where);
    if (pinned) head.append(...pinnedButtons(content));
    const table = make("table");
    if (content.columns.length > 0) table.append(headRow(content.columns));
    this.rows = content.rows.map((row) => new Row(row.cells.length, pinned));
    this.body.append(...this.rows.map((row) => row.element));
    table.append(this.body);
    const scroller = make("div", styles.scroller);
    scroller.append(table);
    this.elements = [head, scroller];
    if (content.moreCount > 0) this.elements.push(make("div", styles.more, `… ${formatCount(content.moreCount)} more`));
    this.write(content);
  }

  /** Shows another content of the same shape. */
  write({ head, rows }: TooltipContent): void {
    write(this.where, head);
    rows.forEach((row, index) => {
      // A point beside the cursor says where it is in a cell more.
      if (this.rows[index].cellCount !== row.cells.length) {
        const other = new Row(row.cells.length, this.pinned);
        this.rows[index].element.replaceWith(other.element);
        this.rows[index] = other;
      }
      this.rows[index].write(row);
    });
  }
}

class Row {
  readonly element = make("tr");
  private readonly swatch = new Swatch();
  private readonly name: HTMLElement;
  private readonly cells: HTMLElement[];
  private readonly isPinned: boolean;
  private id = "";

  constructor(
    readonly cellCount: number,
    pinned: Cursor | null,
  ) {
    this.isPinned = pinned !== null;
    const pick = pinned?.pick;
    this.name = pick ? button("", () => pick(this.id)) : make("span");
    this.name.classList.add(styles.name);
    const named = make("span", styles.named);
    named.append(this.swatch.element, this.name);
    const head = make("th");
    head.setAttribute("scope", "row");
    head.append(named);
    this.cells = Array.from({ length: cellCount }, () => make("td"));
    this.element.append(head, ...this.cells);
  }

  write(row: TooltipRow): void {
    this.id = row.id;
    setClass(this.element, row.isNearest ? styles.nearest : "");
    this.swatch.write(row.style);
    write(this.name, row.name);
    // What moves with the pointer cannot be pointed at.
    if (this.isPinned && this.name.tagName === "BUTTON") this.name.title = isolated`Highlight ${row.name}`;
    row.cells.forEach(({ text, exact, isMuted }, index) => {
      const cell = this.cells[index];
      write(cell, text);
      setClass(cell, isMuted ? styles.muted : "");
      if (this.isPinned && exact !== undefined) cell.title = exact;
    });
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** A short piece of the line, as `RunSwatch` draws it. */
class Swatch {
  readonly element = document.createElementNS(SVG, "svg");
  private readonly line = document.createElementNS(SVG, "line");
  private style: LineStyle | null = null;

  constructor() {
    for (const [name, value] of Object.entries({ width: 16, height: 12, "aria-hidden": true }))
      this.element.setAttribute(name, String(value));
    for (const [name, value] of Object.entries({ x1: 0, y1: 6, x2: 16, y2: 6, "stroke-width": 3 }))
      this.line.setAttribute(name, String(value));
    this.element.append(this.line);
  }

  write(style: LineStyle): void {
    if (style === this.style) return;
    this.style = style;
    this.line.setAttribute("stroke", style.color);
    this.line.setAttribute("stroke-dasharray", style.dash.join(" "));
  }
}

function pinnedButtons(content: TooltipContent): HTMLElement[] {
  const copy = button("Copy", () => {
    copyText(tooltipText(content)).then(
      () => (copy.textContent = "Copied"),
      () => (copy.textContent = "Not copied"),
    );
  });
  const close = button("×", unpin);
  close.setAttribute("aria-label", "Close the pinned values");
  return [copy, close];
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

/** Sets a text that is not there yet; the node stays. */
function write(element: HTMLElement, text: string): void {
  const node = element.firstChild as Text | null;
  if (!node) element.append(text);
  else if (node.data !== text) node.data = text;
}

/** The browser takes each setting for a change, one to the same value too. */
export function setClass(element: HTMLElement, name: string): void {
  if (element.className !== name) element.className = name;
}
