import { expect, test } from "vitest";
import { formatAny, formatCount, formatTick, formatValue, plural } from "../src/format/number";
import { formatAgo, formatDuration } from "../src/format/time";

test.each([
  [0, "0"],
  [0.028141, "0.02814"],
  [0.5, "0.5"],
  [1234, "1,234"],
  [123456, "123,456"],
  [1234567.8, "1.235 M"],
  [999_999_500, "1 G"],
  [-3.45678, "−3.457"],
  [3.1e-7, "3.1e−7"],
  [6.02e23, "6.02e23"],
  [Number.NaN, "NaN"],
  [Infinity, "∞"],
  [-Infinity, "−∞"],
])("value %d is written %s", (value, text) => {
  expect(formatValue(value)).toBe(text);
});

test.each([
  [0, 0.1, "0"],
  [0.1 + 0.2, 0.1, "0.3"],
  [20000, 10000, "20k"],
  [1_500_000, 500_000, "1.5M"],
  [1000, 500, "1000"],
  [5e-5, 5e-5, "5e−5"],
])("tick %d with step %d is written %s", (value, step, text) => {
  expect(formatTick(value, step)).toBe(text);
});

test("counts stand in full", () => {
  expect(formatCount(1_000_000)).toBe("1,000,000");
  expect(plural(1, "run")).toBe("1 run");
  expect(plural(2, "run")).toBe("2 runs");
});

test("values of configs stand on one line", () => {
  expect(formatAny([64, 64])).toBe("[64,64]");
  expect(formatAny(true)).toBe("true");
  expect(formatAny("NaN")).toBe("NaN");
  expect(formatAny(null)).toBe("null");
});

test("durations keep two units", () => {
  expect(formatDuration(800)).toBe("0.8 s");
  expect(formatDuration(187_000)).toBe("3 m 07 s");
  expect(formatDuration(2 * 3600_000 + 5 * 60_000)).toBe("2 h 05 m");
  expect(formatDuration(-5)).toBe("0.0 s");
});

test("moments are told from now", () => {
  expect(formatAgo(0, 5000)).toBe("just now");
  expect(formatAgo(0, 3 * 3600_000)).toBe("3 h ago");
  expect(formatAgo(0, 86_400_000)).toBe("1 day ago");
});
