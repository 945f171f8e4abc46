/** What lies over a drawn chart: the shared cursor with its dots, the range being marked, and the step that was chosen. */
import type { XAxis } from "../api/series";
import type { Chart } from "../chart/chart";
import { type Hit, hitsAt } from "../chart/hit";
import type { ChartModel } from "../chart/model";
import { toPixel } from "../chart/scale";
import styles from "./ChartPlot.module.css";
import { getCursor, isAtRest, isBetween, subscribeCursor } from "./cursor";

// More dots than this say nothing, and cost each chart its time.
const DOTS_MAX = 12;

export class PlotOverlay {
  private readonly line = layer(styles.cursor);
  private readonly mark = layer(styles.mark);
  private readonly range = layer(styles.range);
  private readonly dots: HTMLElement[] = [];
  private dotCount = 0;
  private readonly unsubscribe: () => void;
  private axis: XAxis = "step";
  private marker: number | null = null;

  constructor(
    private readonly container: HTMLElement,
    private readonly chart: Chart,
  ) {
    container.append(this.mark, this.range, this.line);
    this.unsubscribe = subscribeCursor(() => this.moveCursor());
  }

  /** @param marker an x on the axis itself; null for none. */
  update(axis: XAxis, marker: number | null): void {
    this.axis = axis;
    this.marker = marker;
    this.place();
  }

  /** Puts all where it belongs on the drawing as it is now. */
  place(): void {
    this.moveCursor();
    this.stand(this.mark, this.marker);
  }

  /** Shows the part between two pixels as marked; null hides it. */
  showRange(ends: [number, number] | null): void {
    this.range.style.visibility = ends ? "visible" : "hidden";
    if (!ends) return;
    const left = Math.min(...ends);
    this.range.style.transform = `translateX(${left}px)`;
    this.range.style.width = `${Math.max(...ends) - left}px`;
  }

  close(): void {
    this.unsubscribe();
    for (const element of [this.line, this.mark, this.range, ...this.dots]) element.remove();
  }

  private moveCursor(): void {
    const cursor = getCursor();
    if (cursor && cursor.source !== this.chart && isBetween()) return;
    const isHere = cursor !== null && cursor.axis === this.axis && this.stand(this.line, cursor.x);
    if (!isHere) this.showDots([]);
    else if (cursor.source === this.chart) {
      // In between the line alone moves, which the browser does without painting anything.
      if (!isBetween()) this.showDots(cursor.hits());
    }
    // Nobody reads the dots of all other charts while the pointer moves, and they would cost half of the frame.
    else this.showDots(isAtRest() ? this.hitsOf(cursor.x) : []);
    if (!isHere) this.line.style.visibility = "hidden";
  }

  /** Of a chart that the pointer is not in: all lines where they are few, else those that stand out. */
  private hitsOf(x: number): readonly Hit[] {
    const { shownModel: model, frame } = this.chart;
    if (!model || !frame) return [];
    const series =
      model.series.length <= DOTS_MAX ? model.series : model.series.filter((one) => one.emphasis === "strong");
    if (series.length === 0) return [];
    return hitsAt({ ...model, series }, frame, x - Number(model.xBase), null);
  }

  /** Puts an upright line at an x; tells whether that is within the plot. */
  private stand(element: HTMLElement, x: number | null): boolean {
    const { shownModel: model, frame } = this.chart;
    const pixel = x === null || !model || !frame ? Number.NaN : toPixel(frame.x, x - baseOf(model));
    const isInside = frame !== null && pixel >= frame.plot.left && pixel <= frame.plot.right;
    element.style.visibility = isInside ? "visible" : "hidden";
    if (isInside) element.style.transform = `translateX(${pixel}px)`;
    return isInside;
  }

  private showDots(hits: readonly Hit[]): void {
    const { frame } = this.chart;
    let count = 0;
    for (const hit of frame ? hits : []) {
      if (count === DOTS_MAX) break;
      const px = toPixel(frame!.x, hit.x);
      const py = toPixel(frame!.y, hit.smoothed ?? hit.y);
      const { left, right, top, bottom } = frame!.plot;
      if (!(px >= left && px <= right && py >= top && py <= bottom)) continue;
      const dot = this.dotAt(count++);
      dot.style.transform = `translate(${px}px, ${py}px)`;
      dot.style.background = hit.series.style.color;
      dot.style.visibility = "visible";
    }
    for (let index = count; index < this.dotCount; index++) this.dots[index].style.visibility = "hidden";
    this.dotCount = count;
  }

  private dotAt(index: number): HTMLElement {
    while (this.dots.length <= index) {
      const dot = layer(styles.dot);
      this.dots.push(dot);
      this.container.append(dot);
    }
    return this.dots[index];
  }
}

const baseOf = (model: ChartModel) => Number(model.xBase);

function layer(className: string): HTMLElement {
  const element = document.createElement("div");
  element.className = className;
  return element;
}
