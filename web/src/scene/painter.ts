/**
 * Draws a scene over as many frames as its points need: each adds some to the picture, and the picture is begun anew whenever the
 * camera or the scene has changed. So while the camera moves only the first of the points are seen, and all once it rests.
 *
 * Invariant: it draws only when something has changed or is not whole yet, never on a clock.
 */
import type { PerspectiveCamera, Points, Scene, WebGLRenderer } from "three";
import { Fence, Pace } from "./pace";

export class ScenePainter {
  /** The points of the scene, of which any first part looks like the whole; null for none. */
  cloud: Points | null = null;
  private readonly pace = new Pace();
  private readonly fence: Fence;
  private frame = 0;
  /** Whether the picture must be begun anew. */
  private isStale = true;
  private drawnPointCount = 0;
  /** How many of them the last frame added. */
  private lastPointCount = 0;

  /**
   * @param renderer keeps what it has drawn from one frame to the next.
   * @param begin is called before a picture is begun.
   */
  constructor(
    private readonly renderer: WebGLRenderer,
    private readonly scene: Scene,
    private readonly camera: PerspectiveCamera,
    private readonly begin: () => void,
  ) {
    this.fence = new Fence(renderer.getContext() as WebGL2RenderingContext);
  }

  /** Draws anew with the next frame. */
  draw(): void {
    this.isStale = true;
    this.frame ||= requestAnimationFrame(this.drawNext);
  }

  /** Draws anew at once, as far as one frame goes. */
  drawNow(): void {
    this.isStale = true;
    this.drawPart(performance.now());
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
  }

  private readonly drawNext = (nowMs: number): void => {
    this.frame = 0;
    const milliseconds = this.fence.passed(nowMs);
    if (milliseconds === null) {
      this.frame = requestAnimationFrame(this.drawNext);
      return;
    }
    if (milliseconds > 0) this.pace.took(this.lastPointCount, milliseconds);
    this.drawPart(nowMs);
  };

  private drawPart(nowMs: number): void {
    const total = this.cloud?.geometry.getAttribute("position").count ?? 0;
    const from = this.isStale ? 0 : this.drawnPointCount;
    const count = Math.min(total - from, this.pace.pointMax);
    this.cloud?.geometry.setDrawRange(from, count);
    if (this.isStale) this.begin();
    this.renderer.autoClear = this.isStale;
    this.renderer.render(this.scene, this.camera);
    this.fence.set(nowMs);
    this.isStale = false;
    this.lastPointCount = count;
    this.drawnPointCount = from + count;
    if (this.drawnPointCount < total) this.frame ||= requestAnimationFrame(this.drawNext);
  }
}
