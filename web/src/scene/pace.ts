/**
 * How many points one frame draws, so that a scene turns fluidly however many points it has and however slow the graphics are.
 *
 * Invariant: no frame's work is handed to the graphics before that of the frame before is done, so that none of it piles up.
 */

// Drawn by any graphics within a frame, so that the first pictures come at once.
const POINTS_AT_FIRST = 20_000;
const POINTS_MIN = 5_000;
// Two frames of a screen of 60 Hz, with some of what timers are late by.
const SLOW_MS = 40;
const QUICK_MS = 22;
const GROWTH = 1.5;

/** Learns from how long frames take. */
export class Pace {
  private points = POINTS_AT_FIRST;

  /** How many points the next frame may draw. */
  get pointMax(): number {
    return Math.round(this.points);
  }

  /** A frame of so many points has been drawn after so long. */
  took(pointCount: number, milliseconds: number): void {
    if (milliseconds > SLOW_MS) this.points = Math.max(POINTS_MIN, (pointCount * QUICK_MS) / milliseconds);
    // One that drew fewer points than it might have says nothing about more.
    else if (milliseconds <= QUICK_MS && pointCount >= this.pointMax) this.points *= GROWTH;
  }
}

/** Asks the graphics whether they have done all that they were given. */
export class Fence {
  private sync: WebGLSync | null = null;
  private startMs = 0;

  constructor(private readonly context: WebGL2RenderingContext) {}

  /** Stands behind what was drawn until now. */
  set(nowMs: number): void {
    if (this.sync) this.context.deleteSync(this.sync);
    this.sync = this.context.fenceSync(this.context.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.startMs = nowMs;
  }

  /** How long what was drawn has taken; null while it is at work, 0 when there was nothing. */
  passed(nowMs: number): number | null {
    if (!this.sync) return 0;
    const { context } = this;
    const isDone = context.getSyncParameter(this.sync, context.SYNC_STATUS) !== context.UNSIGNALED;
    if (!isDone && !context.isContextLost()) return null;
    context.deleteSync(this.sync);
    this.sync = null;
    return nowMs - this.startMs;
  }
}
