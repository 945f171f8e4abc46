/** The layouts that a view has had while the page was open, to go back and forth between. */
import type { Layout } from "./document";

// A layout is some kilobytes; what a person did a hundred changes ago is not undone step by step.
const STEPS_MAX = 100;
const TOPIC_MS = 2000;

export class LayoutHistory {
  private readonly past: Layout[] = [];
  private future: Layout[] = [];
  private topic = "";
  private timeMs = 0;

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /**
   * Notes that `before` was changed to something else.
   *
   * @param topic what was changed: changes of one topic in quick succession, as a text is typed, are undone as one.
   */
  note(before: Layout, topic = "", nowMs = 0): void {
    const isSame = topic !== "" && topic === this.topic && nowMs - this.timeMs < TOPIC_MS;
    this.topic = topic;
    this.timeMs = nowMs;
    this.future = [];
    if (isSame && this.past.length > 0) return;
    this.past.push(before);
    if (this.past.length > STEPS_MAX) this.past.shift();
  }

  undo(now: Layout): Layout | null {
    this.topic = "";
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
