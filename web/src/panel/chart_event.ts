/** What happened in a run and is marked on the x axis of its charts. */
import type { XAxis } from "../api/series";

export type ChartEventKind = "checkpoint" | "alert" | "restart" | "note";

export interface ChartEvent {
  runId: string;
  kind: ChartEventKind;
  /** Null for what is known by its time only. */
  step: number | null;
  timeMs: number;
  title: string;
  text: string;
}

/** One mark: events so near to each other that their marks would lie on each other are one. */
export interface EventMark {
  pixel: number;
  events: ChartEvent[];
}

/** Where an event stands on an axis; null where it has no place there: a metric's value at that moment is not known. */
export function eventX(
  event: ChartEvent,
  axis: XAxis,
  startMsOf: (runId: string) => number | undefined,
): number | null {
  if (axis === "step") return event.step;
  if (axis === "wall_time") return event.timeMs / 1000;
  const start = startMsOf(event.runId);
  return axis === "relative_time" && start !== undefined ? (event.timeMs - start) / 1000 : null;
}

// As wide as a glyph.
const DISTANCE_MIN = 10;

/** @param placed events with their pixels; those outside of the plot are left out by the caller. */
export function markEvents(placed: readonly { pixel: number; event: ChartEvent }[]): EventMark[] {
  const marks: EventMark[] = [];
  for (const { pixel, event } of placed.toSorted((a, b) => a.pixel - b.pixel)) {
    const last = marks.at(-1);
    if (last && pixel - last.pixel < DISTANCE_MIN) last.events.push(event);
    else marks.push({ pixel, events: [event] });
  }
  return marks;
}
