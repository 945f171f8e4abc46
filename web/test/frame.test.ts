import { describe, expect, test } from "vitest";
import { makeFrame } from "../src/chart/frame";
import { hitsAt, nearestIndex } from "../src/chart/hit";
import type { ChartModel, ChartSeries } from "../src/chart/model";
import { CHART_THEME } from "../src/chart/palette";
import { toPixel } from "../src/chart/scale";
import { bucketSeries, groupSeries, pointSeries } from "./helpers";

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

  test("begin an axis of logarithms with what it can show", () => {
    const series = [drawn("a", pointSeries([0, 2, 50, 200], [1, 2, 3, 4]))];
    const { x } = makeFrame(model(series, { xKind: "log", xRange: [0, 100] }), 400, 200);
    expect([x.min, x.max]).toEqual([2, 100]);
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

describe("the y axis", () => {
  const values = Array.from({ length: 200 }, (_, index) => (index === 100 ? 1000 : index === 50 ? -1000 : index % 10));
  const spiky = drawn("a", pointSeries([...values.keys()], values));

  test("reaches over the middle of the values where it is clipped, and counts what lies outside", () => {
    const all = makeFrame(model([spiky]), 400, 200);
    expect([all.y.max > 1000, all.aboveCount, all.belowCount]).toEqual([true, 0, 0]);
    const clipped = makeFrame(model([spiky], { clip: "99" }), 400, 200);
    expect(clipped.y.max).toBeLessThan(20);
    expect(clipped.y.min).toBeGreaterThan(-20);
    expect([clipped.aboveCount, clipped.belowCount]).toEqual([1, 1]);
    expect(clipped.yMax).toBe(1000);
  });

  test("clips by what is in the shown part of x only", () => {
    const part = makeFrame(model([spiky], { clip: "95", xRange: [90, 110] }), 400, 200);
    expect([part.aboveCount, part.belowCount]).toEqual([1, 0]);
  });

  test("has the ends that were typed, one of them or both, as far as it can have them", () => {
    const ends = (over: Partial<ChartModel>) => {
      const { y } = makeFrame(model([spiky], over), 400, 200);
      return [y.min, y.max];
    };
    expect(ends({ yRange: [2, 5] })).toEqual([2, 5]);
    expect(ends({ yRange: [null, 5] })[1]).toBe(5);
    expect(ends({ yRange: [5000, null] })).toEqual([5000, 5001]);
    expect(ends({ yRange: [-1, 5], yKind: "log" })[0]).toBeGreaterThan(0);
  });

  test("reaches to 0 where that is asked", () => {
    const high = drawn("a", pointSeries([0, 1], [90, 100]));
    expect(makeFrame(model([high]), 400, 200).y.min).toBeGreaterThan(80);
    expect(makeFrame(model([high], { hasZero: true }), 400, 200).y.min).toBe(0);
    const low = drawn("a", pointSeries([0, 1], [-90, -100]));
    expect(makeFrame(model([low], { hasZero: true }), 400, 200).y.max).toBe(0);
  });

  test("holds the band of a group", () => {
    const frame = makeFrame(model([drawn("g", groupSeries([0, 1], [5, 5], [1, 2], [9, 30]))]), 400, 200);
    expect([frame.yMin, frame.yMax]).toEqual([1, 30]);
  });
});

describe("hits", () => {
  test("of a group tell its band and its runs", () => {
    const one = model([drawn("g", groupSeries([0, 1], [5, 6], [1, 2], [9, 30]))]);
    const [hit] = hitsAt(one, makeFrame(one, 400, 200), 1, null);
    expect([hit.y, hit.range, hit.runCount]).toEqual([6, [2, 30], 3]);
  });

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
