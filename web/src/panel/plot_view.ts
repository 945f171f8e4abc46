/**
 * One chart on the page with all that a person does to it: the drawing, what lies over it, and the gestures.
 *
 * None of it renders React: a move of the pointer moves elements, and a gesture paints.
 */
import type { XAxis } from "../api/series";
import { Chart } from "../chart/chart";
import type { Frame } from "../chart/frame";
import { type Hit, hitsAt } from "../chart/hit";
import type { ChartModel } from "../chart/model";
import { toPixel, toValue } from "../chart/scale";
import { forgetChart, getCursor, setCursor } from "./cursor";
import { PlotGestures } from "./plot_gestures";
import { PlotOverlay } from "./plot_overlay";
import { type Range, settled, within } from "./zoom";

export interface PlotState {
  model: ChartModel;
  axis: XAxis;
  nameOf: (seriesId: string) => string;
  onPainted: (frame: Frame, model: ChartModel) => void;
  /** A range on the axis itself; null for all of it. `isGesture`: more of the same may follow at once. */
  onZoom: (range: Range | null, isGesture: boolean) => void;
  onBack: () => void;
  /** The x that was chosen, on the axis itself; null for none. */
  marker: number | null;
  /** Chooses an x; null where none can be chosen on this axis. */
  onMark: ((x: number | null) => void) | null;
  /** How the runs of a group become one line; null where there are no groups. */
  aggregate: string | null;
  pick: ((seriesId: string) => void) | null;
}

// A click this near to the marker is on it.
const NEAR_PIXELS = 4;

export class PlotView {
  private readonly chart: Chart;
  private readonly overlay: PlotOverlay;
  private readonly gestures: PlotGestures;
  private readonly observer: ResizeObserver;
  private state: PlotState | null = null;
  /** The range that a gesture shows and the address does not hold yet, counted from the model's base. */
  private preview: Range | null = null;
  private isPreviewWhole = false;
  private markerBefore: number | null = null;

  constructor(private readonly element: HTMLElement) {
    this.chart = new Chart(element, (frame, model) => this.state?.onPainted(frame, model));
    this.overlay = new PlotOverlay(element, this.chart);
    this.gestures = new PlotGestures(element, {
      frame: () => this.chart.frame,
      point: (x, y) => this.point(x, y),
      pointedAt: () => this.pointedAt(),
      leave: () => {
        if (getCursor()?.source === this.chart) setCursor(null);
      },
      mark: (ends) => this.overlay.showRange(ends && this.clamped(ends)),
      select: (ends) => this.select(ends),
      preview: (range, isMove) => this.show(range, isMove),
      settle: (hasMore) => this.settle(hasMore),
      all: () => this.state?.onZoom(null, false),
      back: () => this.state?.onBack(),
      click: (pixelX, count) => this.click(pixelX, count),
      cancel: () => {
        this.overlay.showRange(null);
        setCursor(null);
      },
    });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
    this.resize();
  }

  update(state: PlotState): void {
    const isSame = state.model === this.state?.model;
    this.state = state;
    if (!isSame) this.draw();
    this.overlay.update(state.axis, state.marker);
  }

  close(): void {
    this.observer.disconnect();
    this.gestures.close();
    this.overlay.close();
    this.chart.close();
    forgetChart(this.chart);
  }

  private resize(): void {
    this.chart.resize(this.element.clientWidth, this.element.clientHeight);
    const { frame } = this.chart;
    if (!frame) return;
    // The upright lines take their height from here, once for each size.
    this.element.style.setProperty("--plot-top", `${frame.plot.top}px`);
    this.element.style.setProperty("--plot-height", `${frame.plot.bottom - frame.plot.top}px`);
    this.overlay.place();
  }

  private draw(): void {
    if (!this.state) return;
    const { model } = this.state;
    const range = this.isPreviewWhole ? null : this.preview;
    this.chart.show(this.preview ? { ...model, xRange: range } : model);
    this.resize();
  }

  private clamped(ends: [number, number]): [number, number] {
    const { left, right } = this.chart.frame!.plot;
    return [Math.min(Math.max(ends[0], left), right), Math.min(Math.max(ends[1], left), right)];
  }

  private point(pixelX: number, pixelY: number | null): void {
    const { frame, shownModel: model } = this.chart;
    if (!frame || !model || !this.state) return;
    const [clamped] = this.clamped([pixelX, pixelX]);
    const box = this.element.getBoundingClientRect();
    const sourceX = toValue(frame.x, clamped);
    let found: Hit[] | null = null;
    setCursor({
      axis: this.state.axis,
      x: sourceX + Number(model.xBase),
      source: this.chart,
      sourceX,
      pixelY,
      clientX: box.left + pixelX,
      clientY: box.top + (pixelY ?? frame.plot.top),
      nameOf: this.state.nameOf,
      aggregate: this.state.aggregate,
      pick: this.state.pick,
      hits: () => (found ??= hitsAt(model, frame, sourceX, pixelY)),
    });
  }

  private pointedAt(): number | null {
    const cursor = getCursor();
    return cursor?.source === this.chart && this.chart.frame ? toPixel(this.chart.frame.x, cursor.sourceX) : null;
  }

  private select(ends: [number, number]): void {
    const { frame } = this.chart;
    if (!frame || !this.state) return;
    const [low, high] = this.clamped(ends)
      .map((pixel) => toValue(frame.x, pixel))
      .sort((a, b) => a - b);
    if (low < high) this.zoom([low, high], false);
  }

  private show(range: Range, isMove: boolean): void {
    const whole = this.state?.model.xWhole ?? null;
    const next = within(range, whole, this.state?.model.xKind ?? "linear", isMove);
    this.isPreviewWhole = next === null;
    this.preview = next ?? range;
    this.draw();
  }

  private settle(hasMore: boolean): void {
    const { preview } = this;
    if (!preview) return;
    const range = this.isPreviewWhole ? null : preview;
    this.preview = null;
    this.isPreviewWhole = false;
    this.zoom(range, hasMore);
    // Where the address stays as it was, no new model comes of it: the drawing goes back to the one there is.
    requestAnimationFrame(() => this.draw());
  }

  private zoom(range: Range | null, isGesture: boolean): void {
    if (!this.state) return;
    const { model, axis, onZoom } = this.state;
    if (!range) return onZoom(null, isGesture);
    const base = Number(model.xBase);
    const wanted = settled([range[0] + base, range[1] + base], axis === "step");
    if (wanted) onZoom(wanted, isGesture);
  }

  /** The first click of two chooses; the second takes that back, since both together mean all of the axis. */
  private click(pixelX: number, count: number): void {
    const { frame } = this.chart;
    const { onMark, marker, model } = this.state ?? {};
    if (!frame || !onMark || !model || marker === undefined) return;
    if (count > 1) {
      onMark(this.markerBefore);
      return;
    }
    this.markerBefore = marker;
    const base = Number(model.xBase);
    const isOnMarker = marker !== null && Math.abs(toPixel(frame.x, marker - base) - pixelX) <= NEAR_PIXELS;
    onMark(isOnMarker ? null : toValue(frame.x, this.clamped([pixelX, pixelX])[0]) + base);
  }
}
