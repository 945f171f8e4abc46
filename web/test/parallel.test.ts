import { describe, expect, it } from "vitest";
import { moveAxis, newAxis, parseParallel } from "../src/panels/parallel/config";
import { axisModel, axisTicks, brushOf, keptRuns, nearestLine, rangeOf, wordsAt } from "../src/panels/parallel/model";
import { shownRun, tableOf } from "./panel_helpers";

const RUNS = ["a", "b", "c", "d"].map((id) => shownRun(id));
const TABLE = tableOf({
  a: { "config.lr": 0.001, "config.opt": "sgd", "summary.acc": 0.5 },
  b: { "config.lr": 0.01, "config.opt": "adam", "summary.acc": 0.9 },
  c: { "config.lr": 0.1, "config.opt": "adam", "summary.acc": 0.7 },
  d: { "config.lr": null, "config.opt": null, "summary.acc": 0.1 },
});
const model = (column: string, over = {}) => axisModel({ ...newAxis(column), ...over }, RUNS, TABLE);

describe("parallel coordinates", () => {
  it("read each column once, and only brushes that are ranges", () => {
    const axes = [
      { column: "config.lr", isLog: true, range: [1, 2] },
      { column: "config.lr" },
      { column: "" },
      { column: "config.opt", range: ["adam", "sgd"], isFlipped: true },
      { column: "summary.acc", range: [2, 1] },
    ];
    expect(parseParallel({ axes, color: "runs" })).toEqual({
      color: "runs",
      axes: [
        { column: "config.lr", isLog: true, isFlipped: false, range: [1, 2] },
        { column: "config.opt", isLog: false, isFlipped: true, range: ["adam", "sgd"] },
        { column: "summary.acc", isLog: false, isFlipped: false, range: null },
      ],
    });
  });

  it("place numbers by their scale, flipped or not, and texts in order", () => {
    expect([...model("config.lr", { isLog: true }).shares].slice(0, 3).map((one) => one.toFixed(3))).toEqual([
      "0.000",
      "0.500",
      "1.000",
    ]);
    expect(model("config.lr", { isLog: true, isFlipped: true }).shares[0]).toBe(1);
    expect(model("config.lr").shares[3]).toBeNaN();
    expect([...model("config.opt").shares].slice(0, 3)).toEqual([0.75, 0.25, 0.25]);
    expect(axisTicks(model("config.opt"), 5).map(({ label }) => label)).toEqual(["adam", "sgd"]);
  });

  it("a log axis shows nothing that is not above 0", () => {
    const table = tableOf({ a: { x: 0 }, b: { x: 1 }, c: { x: 10 } });
    expect(axisModel({ ...newAxis("x"), isLog: true }, RUNS, table).shares[0]).toBeNaN();
  });

  it.each([false, true])("a brush means the same values whichever way the axis stands (flipped: %s)", (isFlipped) => {
    const axis = model("summary.acc", { isFlipped });
    const range = rangeOf(axis, 0.5, isFlipped ? 0 : 1);
    expect(range[0]).toBeCloseTo(0.5);
    expect(range[1]).toBeCloseTo(0.9);
    expect(keptRuns([{ ...axis, range }], 4)).toEqual([true, true, true, false]);
  });

  it("brushes keep the runs that lie in all of them", () => {
    const opt = model("config.opt");
    const adam = { ...opt, range: rangeOf(opt, 0.1, 0.3) };
    expect(adam.range).toEqual(["adam", "adam"]);
    expect(brushOf(adam)).toEqual([0, 0.5]);
    const good = { ...model("summary.acc"), range: [0.8, 1] as const };
    expect(keptRuns([adam], 4)).toEqual([false, true, true, false]);
    expect(keptRuns([adam, good], 4)).toEqual([false, true, false, false]);
    expect(keptRuns([{ ...opt, range: ["gone", "gone"] }], 4)).toEqual([true, true, true, true]);
    expect(wordsAt(opt, 0.8)).toBe("sgd");
  });

  it("axes move as far as there are places", () => {
    const axes = ["a", "b", "c"].map(newAxis);
    const order = (from: number, to: number) => moveAxis(axes, from, to).map(({ column }) => column);
    expect(order(0, 1)).toEqual(["b", "a", "c"]);
    expect(order(0, 9)).toEqual(["b", "c", "a"]);
    expect(order(2, -1)).toEqual(["c", "a", "b"]);
  });

  it("meet the kept line nearest to the pointer between two axes", () => {
    const axes = [model("config.opt"), model("summary.acc")];
    const all = [true, true, true, true];
    expect(nearestLine(axes, all, 1, 1, 0.05)).toBe(1);
    expect(nearestLine(axes, [true, false, true, true], 1, 1, 0.05)).toBe(-1);
    expect(nearestLine(axes, all, 0.25, 0.6875, 0.05)).toBe(0);
  });
});
