import { expect, test } from "vitest";
import type { Histograms } from "../src/api/records";
import { scaleOf } from "../src/media/histogram_scale";
import {
  barsOfColumn,
  baselineOf,
  columnOf,
  drawnInWords,
  ridgeColumns,
  ridgeHeights,
  ridgeRoom,
  stepsInWords,
  unbinnedInWords,
} from "../src/media/ridge";

const logged = (steps: readonly number[], counts: readonly number[] = steps.flatMap(() => [1, 3])): Histograms => ({
  key: "h",
  histogramCount: steps.length,
  columns: steps.length,
  bins: 2,
  firstSteps: [...steps],
  lastSteps: [...steps],
  edges: [0, 1, 2],
  nanCounts: steps.map(() => 0),
  infiniteCounts: steps.map(() => 0),
  counts: Float32Array.from(counts),
});

const range = (count: number) => Array.from({ length: count }, (_, at) => at);

test("ridges are at equal distances of steps, the first and the last among them", () => {
  expect(ridgeColumns(logged(range(300)), 4)).toEqual([0, 100, 199, 299]);
  expect(ridgeColumns(logged([0, 1, 2, 3, 100]), 3)).toEqual([0, 3, 4]);
  expect(ridgeColumns(logged(range(4)), 4)).toEqual([0, 1, 2, 3]);
  const { rise, rowMax } = ridgeRoom(120);
  expect((120 - rise) / (rowMax - 1)).toBeGreaterThanOrEqual(6);
  expect(ridgeRoom(0).rowMax).toBe(2);
});

test("a ridge stands at its step, and the densest of all runs is the highest", () => {
  const [one, other] = [logged([0, 10]), logged([5, 20], [0, 0, 8, 0])];
  const scale = scaleOf([one, other])!;
  const { rise } = ridgeRoom(100);
  expect([0, 1].map((column) => baselineOf(one, column, scale, 100))).toEqual([rise, rise + (100 - rise) / 2]);
  expect(baselineOf(other, 1, scale, 100)).toBe(100);
  expect(ridgeHeights(one, 0, scale, false)).toEqual([0.25, 0.75]);
  expect(ridgeHeights(other, 1, scale, false)).toEqual([1, 0]);
  expect(ridgeHeights(other, 0, scale, false)).toEqual([0, 0]);
  expect(ridgeHeights(one, 0, scale, true)[0]).toBeGreaterThan(0.25);
  expect([-1, 0, 9, 10, 99].map((step) => columnOf(one, step))).toEqual([0, 0, 0, 1, 1]);
});

test("the bars of one have the axis of all, and the words say what is drawn", () => {
  const one = logged([0, 10]);
  const scale = { ...scaleOf([one])!, low: -1, high: 4 };
  expect(barsOfColumn(one, 1, scale)).toEqual({ edges: [-1, 0, 1, 2, 4], counts: [0, 1, 3, 0], most: 3, total: 4 });
  expect(drawnInWords(one, [0, 1], scale)).toBe("all 2 histograms");
  expect(drawnInWords(logged(range(300)), range(20), scale)).toBe("20 of 300 histograms");
  expect(drawnInWords({ ...logged(range(300)), histogramCount: 900 }, range(20), scale)).toBe(
    "20 of 300 sums of neighbours among 900 histograms",
  );
  expect(stepsInWords({ ...one, lastSteps: [9, 10] }, 0)).toBe("steps 0 to 9");
  expect(unbinnedInWords({ ...one, nanCounts: [2, 0], infiniteCounts: [1, 0] }, 0)).toEqual(["2 NaN", "1 infinite"]);
});

test("a spike that rises far above nearly all others is cut off, and that is said", () => {
  const steps = range(20);
  const bins = steps.flatMap((step) => (step === 0 ? [100, 0] : [1, 1]));
  const spiked = { ...logged(steps), bins: 2, counts: Float32Array.from(bins), edges: [0, 0.5, 1] };
  // All in one of two bins is twice as dense as all alike, which is not far.
  expect(scaleOf([spiked])!.densest).toBe(2);
  const wide = {
    ...spiked,
    bins: 4,
    edges: [0, 1, 2, 3, 4],
    counts: Float32Array.from(steps.flatMap((step) => (step === 0 ? [100, 0, 0, 0] : [1, 1, 1, 1]))),
  };
  const scale = scaleOf([wide])!;
  expect(scale.densest).toBe(0.5);
  expect(ridgeHeights(wide, 0, scale, false)).toEqual([1, 0, 0, 0]);
  expect(ridgeHeights(wide, 1, scale, false)).toEqual([0.5, 0.5, 0.5, 0.5]);
  expect(drawnInWords(wide, steps, scale)).toBe("all 20 histograms, 1 cut off at the top");
});
