import { expect, test } from "vitest";
import { type ChartEvent, eventX, markEvents } from "../src/panel/chart_event";

const event = (over: Partial<ChartEvent> = {}): ChartEvent => ({
  runId: "a",
  kind: "note",
  step: 7,
  timeMs: 5000,
  title: "t",
  text: "",
  ...over,
});

test("an event stands at its step or its time, and nowhere on an axis that does not know it", () => {
  const start = () => 2000;
  expect(eventX(event(), "step", start)).toBe(7);
  expect(eventX(event({ step: null }), "step", start)).toBeNull();
  expect(eventX(event(), "wall_time", start)).toBe(5);
  expect(eventX(event(), "relative_time", start)).toBe(3);
  expect(eventX(event(), "relative_time", () => undefined)).toBeNull();
  expect(eventX(event(), "metric:epoch", start)).toBeNull();
});

test("events whose marks would lie on each other are one mark", () => {
  const marks = markEvents([30, 0, 4, 9, 12].map((pixel) => ({ pixel, event: event({ step: pixel }) })));
  expect(marks.map(({ pixel, events }) => [pixel, events.length])).toEqual([
    [0, 3],
    [12, 1],
    [30, 1],
  ]);
});
