/**
 * One chart on the page: takes models, keeps its frame, and paints on a surface.
 *
 * Columns are sent to the surface once; after that a change of zoom, colour or highlight sends only the painting.
 */
import { type Frame, makeFrame } from "./frame";
import type { ChartModel, Columns } from "./model";
import { makePainting } from "./painting";
import { openSurface, type Surface } from "./surface";

export class Chart {
  private readonly surface: Surface;
  private readonly sent = new Map<string, Columns>();
  private model: ChartModel | null = null;
  private width = 0;
  private height = 0;
  private sequence = 0;
  private frameOfSequence: Frame | null = null;

  /** The frame last asked to be painted: where values lie on the canvas. */
  frame: Frame | null = null;

  /**
   * @param container gets the canvas as its first child.
   * @param onPainted hears of each frame that has been painted.
   */
  constructor(container: HTMLElement, onPainted: (frame: Frame, model: ChartModel) => void) {
    this.surface = openSurface((sequence) => {
      if (sequence === this.sequence && this.frameOfSequence && this.model) onPainted(this.frameOfSequence, this.model);
    });
    this.surface.canvas.setAttribute("aria-hidden", "true");
    container.prepend(this.surface.canvas);
  }

  get shownModel(): ChartModel | null {
    return this.model;
  }

  show(model: ChartModel): void {
    this.model = model;
    this.paint();
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.paint();
  }

  close(): void {
    this.surface.canvas.remove();
    this.surface.close();
  }

  private paint(): void {
    if (!this.model || this.width < 2 || this.height < 2) return;
    const changed = this.model.series
      .filter((series) => this.sent.get(series.id) !== series.columns)
      .map(({ id, columns }) => ({ id, columns }));
    this.sent.clear();
    for (const series of this.model.series) this.sent.set(series.id, series.columns);
    this.frame = makeFrame(this.model, this.width, this.height);
    this.frameOfSequence = this.frame;
    this.sequence++;
    const painting = makePainting(this.model, this.frame, globalThis.devicePixelRatio || 1);
    this.surface.paint({ painting, changed }, this.sequence);
  }
}
