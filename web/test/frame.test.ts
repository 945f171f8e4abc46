import { describe, expect, test } from "vitest";
import { makeFrame } from "../src/chart/frame";
import { hitsAt, nearestIndex } from "../src/chart/hit";
import type { ChartModel, ChartSeries } from "../src/chart/model";
import { CHART_THEME } from "../src/chart/palette";
import { toPixel } from "../src/chart/scale";
import { bucketSeries, pointSeries } from "./helpers";

const drawn = (id: string, series: ReturnType<typeof pointSeries>, over: Partial<ChartSeries> = {}): ChartSeries => ({
  id,
  mode: series.mode,
  columns: series.columns,
  xOffset: 0,
  pointsPerBucket: 1,
  style: { color: "#000000", dash: [] },
  isContext: false,
  emphasis: "normal",
  ...over,
});

const model = (series: ChartSeries[], over: Partial<ChartModel> = {}): ChartModel => ({
  series,
  xKind: "linear",
  yKind: "linear",
  xUnit: "count",
  xBase: 0n,
  xRange: null,
  line: "last",
  theme: CHART_THEME.light,
  ...over,
});

describe("frames", () => {
  test("hold every value, spikes of buckets too", () => {
    const frame = makeFrame(model([drawn("a", bucketSeries([0, 10], [9, 19], [-1, 0], [1, 500]))]), 400, 200);
    expect(frame.yMax).toBe(500);
    expect(frame.yMin).toBe(-1);
    expect(toPixel(frame.y, 500)).toBeGreaterThanOrEqual(frame.plot.top);
    expect([frame.x.min, frame.x.max]).toEqual([0, 19]);
  });

  test("look only at the shown part of x", () => {
    const frame = makeFrame(model([drawn("a", pointSeries([0, 1, 2], [100, 1, 2]))], { xRange: [1, 2] }), 400, 200);
    expect(frame.yMax).toBe(2);
    expect(frame.shownCount).toBe(2);
  });

  test("count what is not a number and what a log axis cannot show", () => {
    const series = pointSeries([0, 1, 2, 3, 4], [Number.NaN, Infinity, 0, -1, 5]);
    expect(makeFrame(model([drawn("a", series)]), 400, 200).nonfiniteCount).toBe(2);
    const log = makeFrame(model([drawn("a", series)], { yKind: "log" }), 400, 200);
    expect(log.unshownCount).toBe(2);
    expect(log.yMin).toBe(5);
  });

  test("stand without any point, and with one", () => {
    expect(makeFrame(model([]), 400, 200).yMax).toBeNaN();
    const one = makeFrame(model([drawn("a", pointSeries([7], [3]))]), 400, 200);
    expect(toPixel(one.x, 7)).toBeCloseTo((one.plot.left + one.plot.right) / 2);
  });

  test("stand between the largest doubles", () => {
    const frame = makeFrame(model([drawn("a", pointSeries([0, 1], [-Number.MAX_VALUE, Number.MAX_VALUE]))]), 400, 200);
    expect(frame.yTicks.length).toBeGreaterThan(0);
  });

  test("put series with another base where they belong", () => {
    const frame = makeFrame(model([drawn("a", pointSeries([0, 1], [1, 2]), { xOffset: 100 })]), 400, 200);
    expect([frame.x.min, frame.x.max]).toEqual([100, 101]);
  });
});

describe("hits", () => {
  test("find the nearest point, sorted or not", () => {
    expect(nearestIndex(Float64Array.of(0, 10, 20), 14)).toBe(1);
    expect(nearestIndex(Float64Array.of(0, 10, 20), 99)).toBe(2);
    expect(nearestIndex(Float64Array.of(20, 0, 10), 9)).toBe(2);
    expect(nearestIndex(Float64Array.of(), 9)).toBe(-1);
  });

  test("put the line nearest to the pointer first", () => {
    const two = model([drawn("low", pointSeries([0, 1], [0, 0])), drawn("high", pointSeries([0, 1], [10, 10]))]);
    const frame = makeFrame(two, 400, 200);
    expect(hitsAt(two, frame, 1, frame.plot.top).map((hit) => hit.series.id)).toEqual(["high", "low"]);
    expect(hitsAt(two, frame, 1, frame.plot.bottom).map((hit) => hit.series.id)).toEqual(["low", "high"]);
  });

  test("leave out runs that ended long before", () => {
    const two = model([drawn("short", pointSeries([0, 1], [0, 0])), drawn("long", pointSeries([0, 100], [1, 1]))]);
    expect(hitsAt(two, makeFrame(two, 400, 200), 100, null).map((hit) => hit.series.id)).toEqual(["long"]);
  });
});
