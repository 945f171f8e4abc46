import { describe, expect, test } from "vitest";
import { countUpTo, deltaStart, mergeDelta } from "../src/data/merge";
import { bucketSeries, pointSeries } from "./helpers";

describe("where new points begin", () => {
  test("is the last point", () => {
    expect(deltaStart(pointSeries([0, 5, 9], [1, 1, 1]))).toBe(9);
  });

  test("is the end of the last bucket that is full", () => {
    const buckets = bucketSeries([0, 4, 8], [3, 7, 9], [0, 0, 0], [1, 1, 1], { pointsPerBucket: 4 });
    expect(deltaStart({ ...buckets, totalCount: 12 })).toBe(9);
    expect(deltaStart({ ...buckets, totalCount: 10 })).toBe(7);
  });

  test("is nowhere in an empty series or before a first bucket that is not full", () => {
    expect(deltaStart(pointSeries([], []))).toBeNull();
    expect(deltaStart(bucketSeries([0], [1], [0], [1], { pointsPerBucket: 4, totalCount: 2 }))).toBeNull();
  });
});

describe("merging", () => {
  test("puts new points behind the old", () => {
    const held = pointSeries([0, 1], [10, 11]);
    const merged = mergeDelta(held, pointSeries([2, 3], [12, 13], { isDelta: true, totalCount: 4 }), 1);
    expect([...merged!.columns.x]).toEqual([0, 1, 2, 3]);
    expect([...merged!.columns.y]).toEqual([10, 11, 12, 13]);
    expect(merged!.count).toBe(4);
  });

  test("replaces a bucket that was not full", () => {
    const held = bucketSeries([0, 4], [3, 5], [0, 0], [1, 1], { pointsPerBucket: 4, totalCount: 6 });
    const delta = bucketSeries([4, 8], [7, 8], [0, 0], [9, 9], { pointsPerBucket: 4, totalCount: 9, isDelta: true });
    const merged = mergeDelta(held, delta, 3);
    expect([...merged!.columns.x_last]).toEqual([3, 7, 8]);
    expect([...merged!.columns.max]).toEqual([1, 9, 9]);
    expect([...merged!.columns.nonfinite]).toEqual([0, 0, 0]);
  });

  test("keeps what it holds when nothing is new", () => {
    const held = pointSeries([0, 1], [10, 11]);
    const merged = mergeDelta(held, pointSeries([], [], { isDelta: true, totalCount: 2, revision: 7 }), 1);
    expect(merged!.columns).toBe(held.columns);
    expect(merged!.revision).toBe(7);
  });

  test("takes a whole answer as it is", () => {
    const whole = bucketSeries([0], [9], [0], [1]);
    expect(mergeDelta(pointSeries([0], [0]), whole, 0)).toBe(whole);
  });

  test("does not put together what does not fit", () => {
    const held = pointSeries([0, 1], [10, 11]);
    const buckets = bucketSeries([2], [9], [0], [1], { isDelta: true });
    expect(mergeDelta(held, buckets, 1)).toBeNull();
    // A point went missing in between: the daemon counts more than the page would hold.
    expect(mergeDelta(held, pointSeries([5], [1], { isDelta: true, totalCount: 4 }), 1)).toBeNull();
    expect(mergeDelta(held, pointSeries([2], [1], { isDelta: true, totalCount: 3, xBase: "7" }), 1)).toBeNull();
  });

  test("counts points up to an x", () => {
    expect(countUpTo([0, 1, 1, 3], 1)).toBe(3);
    expect(countUpTo([], 1)).toBe(0);
    expect(countUpTo([2], 1)).toBe(0);
  });
});
