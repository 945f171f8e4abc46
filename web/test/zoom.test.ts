import { describe, expect, test } from "vitest";
import type { Scale } from "../src/chart/scale";
import { parseEnds } from "../src/panel/typed_range";
import { panned, pinched, settled, within, zoomedAbout } from "../src/panel/zoom";

const linear: Scale = { kind: "linear", min: 0, max: 100, from: 50, to: 250 };
const log: Scale = { kind: "log", min: 1, max: 100, from: 0, to: 200 };
const close = (range: readonly number[], wanted: readonly number[]) =>
  range.forEach((end, index) => expect(end).toBeCloseTo(wanted[index]));

describe("zooming", () => {
  test("keeps what lies under the pointer where it is", () => {
    close(zoomedAbout(linear, 150, 0.5), [25, 75]);
    close(zoomedAbout(linear, 50, 0.5), [0, 50]);
    close(zoomedAbout(log, 100, 0.5), [10 ** 0.5, 10 ** 1.5]);
    close(zoomedAbout(linear, 150, 2), [-50, 150]);
  });

  test("moves by what the pointer moved", () => {
    close(panned(linear, 20), [-10, 90]);
    close(panned(log, -100), [10, 1000]);
  });

  test("keeps what two fingers touch under them", () => {
    const [low, high] = pinched(linear, [100, 200], [50, 250]);
    close([low, high], [25, 75]);
    close(pinched(linear, [100, 200], [120, 220]), [-10, 90]);
  });

  test("ends where x ends", () => {
    expect(within([-10, 50], [0, 100], "linear", true)).toEqual([0, 60]);
    expect(within([70, 130], [0, 100], "linear", true)).toEqual([40, 100]);
    expect(within([-10, 90], [0, 100], "linear", true)).toBeNull();
    expect(within([-10, 50], [0, 100], "linear", false)).toEqual([0, 50]);
    expect(within([-10, 110], [0, 100], "linear", false)).toBeNull();
    expect(within([-10, 110], null, "linear", false)).toEqual([-10, 110]);
  });

  test("keeps the length that is seen on an axis of logarithms", () => {
    close(within([100, 10000], [1, 1000], "log", true)!, [10, 1000]);
    close(within([0.1, 10], [0, 1000], "log", true)!, [1, 100]);
    expect(within([0.1, 1000], [0, 1000], "log", false)).toBeNull();
  });

  test("comes to whole steps, and to nothing where both ends are one", () => {
    expect(settled([1.2, 3.4], true)).toEqual([1, 4]);
    expect(settled([1.2, 1.9], false)).toEqual([1.2, 1.9]);
    expect(settled([5, 5], true)).toBeNull();
    expect(settled([1, 1 + 1e-15], false)).toBeNull();
  });
});

describe("typed ends of an axis", () => {
  test("are numbers as this page writes them, or left open", () => {
    expect(parseEnds("1,000", "", false)).toEqual([1000, null]);
    expect(parseEnds("−2e3", "5", false)).toEqual([-2000, 5]);
  });

  test("that are none are told in a sentence", () => {
    expect(parseEnds("ten", "", false)).toContain("'ten' is no number");
    expect(parseEnds("5", "2", false)).toContain("must be the lower one");
    expect(parseEnds("2026-01-01T10:00", "2026-01-01T09:00", true)).toContain("must be the lower one");
  });
});
