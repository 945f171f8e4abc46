/** The layouts that a view has had while the page was open, to go back and forth between. */
import type { Layout } from "./document";

// A layout is some kilobytes; what a person did a hundred changes ago is not undone step by step.
const STEPS_MAX = 100;

export class LayoutHistory {
  private readonly past: Layout[] = [];
  private future: Layout[] = [];

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Notes that `before` was changed to something else. */
  note(before: Layout): void {
    this.past.push(before);
    if (this.past.length > STEPS_MAX) this.past.shift();
    this.future = [];
  }

  undo(now: Layout): Layout | null {
    const before = this.past.pop();
    if (!before) return null;
    this.future.push(now);
    return before;
  }

  redo(now: Layout): Layout | null {
    const after = this.future.pop();
    if (!after) return null;
    this.past.push(now);
    return after;
  }
}
