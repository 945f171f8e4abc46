import { expect, test } from "vitest";
import { decodeSeries } from "../src/api/series";
import { bucketSeries, encodeSeries, pointSeries } from "./helpers";

test("an answer decodes to the series it was made of", () => {
  const points = pointSeries([0, 1, 2], [0.5, Number.NaN, Infinity], { key: "a/ü", joinedCount: 2, missingCount: 1 });
  const buckets = bucketSeries([0, 4, 8], [3, 7, 9], [1, 2, 3], [4, 5, 6], {
    totalCount: 10,
    pointsPerBucket: 4,
    isDelta: true,
  });
  expect(decodeSeries(encodeSeries([points, buckets]))).toEqual([points, buckets]);
});

test("a base past 2^53 keeps its digits", () => {
  const [series] = decodeSeries(encodeSeries([pointSeries([0], [1], { xBase: "9223372036854775807" })]));
  expect(series.xBase).toBe("9223372036854775807");
});

test("a decoded column does not hold the bytes of its neighbours", () => {
  const [series] = decodeSeries(encodeSeries([pointSeries([0, 1], [2, 3]), pointSeries([4], [5])]));
  expect(series.columns.x.buffer.byteLength).toBe(16);
});

test("an answer that is not one is refused", () => {
  const bytes = encodeSeries([pointSeries([0, 1], [2, 3])]);
  expect(() => decodeSeries(new ArrayBuffer(3))).toThrow("3 bytes");
  expect(() => decodeSeries(new TextEncoder().encode("<!doctype html>").buffer)).toThrow("TKS1");
  expect(() => decodeSeries(bytes.slice(0, 40))).toThrow("header");
  expect(() => decodeSeries(bytes.slice(0, -8))).toThrow("past the answer");
});
