import { describe, expect, test } from "vitest";
import { linearTicks, logTicks, niceStep } from "../src/chart/ticks";

const labels = (ticks: { label: string }[]) => ticks.map((tick) => tick.label).filter(Boolean);

describe("linear ticks", () => {
  test("stand at 1, 2 or 5 times a power of ten", () => {
    expect(niceStep(0, 100, 5)).toBe(20);
    expect(niceStep(0, 1, 4)).toBeCloseTo(0.2);
    expect(niceStep(0, 0.03, 3)).toBeCloseTo(0.01);
  });

  test("have labels that differ", () => {
    for (const [min, max] of [
      [0, 1],
      [0.1234, 0.1236],
      [-5, 5],
      [0, 1e-7],
      [1e6, 1.00001e6],
      [0, 3e9],
    ]) {
      const found = labels(linearTicks(min, max, 5));
      expect(found.length).toBeGreaterThan(1);
      expect(new Set(found).size, found.join(" ")).toBe(found.length);
    }
  });

  test("of counts are whole", () => {
    expect(linearTicks(0, 2, 8, "count").map((tick) => tick.value)).toEqual([0, 1, 2]);
  });

  test("of counts keep all digits past 2^53", () => {
    expect(labels(linearTicks(0, 2, 2, "count", 9007199254740993n))).toEqual([
      "9007199254740993",
      "9007199254740994",
      "9007199254740995",
    ]);
  });

  test("of durations are round times", () => {
    expect(labels(linearTicks(0, 7200, 4, "duration"))).toEqual(["0", "30m", "1h", "1h 30m", "2h"]);
    expect(labels(linearTicks(0, 90, 3, "duration"))).toEqual(["0", "30s", "1m", "1m 30s"]);
  });

  test("of moments are round local times", () => {
    const start = new Date(2026, 10, 21, 9, 7).getTime() / 1000;
    expect(labels(linearTicks(start, start + 3600, 4, "moment"))).toEqual(["09:15", "09:30", "09:45", "10:00"]);
  });
});

describe("log ticks", () => {
  test("name the powers of ten and stand at 2 to 9 times them", () => {
    const ticks = logTicks(1, 1000, 5);
    expect(labels(ticks)).toEqual(["1", "10", "100", "1000"]);
    expect(ticks.map((tick) => tick.value)).toContain(300);
  });

  test("name more than one value within a decade", () => {
    expect(labels(logTicks(0.2, 0.9, 4)).length).toBeGreaterThan(1);
  });

  test("leave out names where there are too many decades", () => {
    expect(labels(logTicks(1e-30, 1e30, 6)).length).toBeLessThanOrEqual(8);
  });
});
