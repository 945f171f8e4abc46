import { describe, expect, test } from "vitest";
import { paddedRange, type Scale, toPixel, toValue } from "../src/chart/scale";

const linear: Scale = { kind: "linear", min: 10, max: 20, from: 100, to: 300 };
const log: Scale = { kind: "log", min: 1, max: 1000, from: 300, to: 0 };

describe("scales", () => {
  test("linear maps its ends to its pixels", () => {
    expect(toPixel(linear, 10)).toBe(100);
    expect(toPixel(linear, 20)).toBe(300);
    expect(toPixel(linear, 15)).toBe(200);
  });

  test("log gives every decade the same length", () => {
    expect(toPixel(log, 10)).toBeCloseTo(200);
    expect(toPixel(log, 100)).toBeCloseTo(100);
  });

  test("log has no place for values not above 0", () => {
    expect(toPixel(log, 0)).toBeNaN();
    expect(toPixel(log, -1)).toBeNaN();
  });

  test.each([linear, log])("a pixel of $kind maps back to its value", (scale) => {
    for (const value of [11, 13.7, 19.99]) expect(toValue(scale, toPixel(scale, value))).toBeCloseTo(value, 9);
  });
});

describe("padded range", () => {
  test("opens one value to both sides", () => {
    expect(paddedRange(5, 5, "linear", 0.05)).toEqual([4.5, 5.5]);
    expect(paddedRange(0, 0, "linear", 0.05)).toEqual([-1, 1]);
    expect(paddedRange(8, 8, "log", 0.05)).toEqual([4, 16]);
  });

  test("stands where there is no value", () => {
    expect(paddedRange(Infinity, -Infinity, "linear", 0.05)).toEqual([0, 1]);
    expect(paddedRange(Infinity, -Infinity, "log", 0.05)).toEqual([1, 10]);
  });

  test("does not overflow between the largest doubles", () => {
    const [low, high] = paddedRange(-Number.MAX_VALUE, Number.MAX_VALUE, "linear", 0.05);
    expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
  });
});
