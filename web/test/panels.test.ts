import { describe, expect, it } from "vitest";
import { parseBar } from "../src/panels/bar/config";
import { barsOf } from "../src/panels/bar/bars";
import { coloringOf } from "../src/panels/coloring";
import { columnTitle, formatColumn, metricOf } from "../src/panels/columns";
import { parseComparer } from "../src/panels/comparer/config";
import { factsOfColumns, filterOf } from "../src/panels/comparer/column_facts";
import { binCountFor, binsOf } from "../src/panels/histogram/bins";
import { parseHistogram } from "../src/panels/histogram/config";
import { parseImportance } from "../src/panels/importance/config";
import { shareOf, sorted } from "../src/panels/importance/ranks";
import { kindNamed, PANEL_KINDS } from "../src/panels/kinds";
import { parseLog } from "../src/panels/log/config";
import { parseNote, titleIn } from "../src/panels/note/config";
import { parseScalar } from "../src/panels/scalar/config";
import { numberOf, sparkPath } from "../src/panels/scalar/number";
import { parseScatter } from "../src/panels/scatter/config";
import { frontierOf, nearestOf, pointsOf } from "../src/panels/scatter/points";
import { aggregateOf, bandOf, deviationOf, quantileOf } from "../src/panels/statistics";
import { shownRun, tableOf } from "./panel_helpers";

const RUNS = ["a", "b", "c", "d"].map((id, index) => shownRun(id, { createTimeMs: 100 - index }));

describe("configurations", () => {
  it.each(PANEL_KINDS.map((kind) => [kind.kind, kind] as const))(
    "of %s survive being saved, and odd ones",
    (_, kind) => {
      const names = ["name", "config.lr", "config.layers", "summary.val/loss", "create_time"];
      const first = kind.initial(["val/loss"], names);
      expect(kind.parse(JSON.parse(JSON.stringify(first)))).toEqual(first);
      expect(kind.titleOf(first)).not.toBe("");
      for (const odd of [null, 3, "text", [], undefined]) expect(kind.parse(odd)).toBeNull();
      // A later version may add fields, and a person may write anything: what is not understood is as at first.
      const odd = { ...Object.fromEntries(Object.keys(first).map((key) => [key, { deep: [1] }])), later: true };
      const parsed = kind.parse(odd);
      expect(Object.keys(parsed)).toEqual(Object.keys(first));
      expect(kind.titleOf(parsed)).not.toBe("");
      expect(kindNamed(kind.kind)).toBe(kind);
    },
  );

  it("keep what is set", () => {
    expect(parseScatter({ x: "config.lr", y: "summary.a", isLogX: true, yGoal: "high", color: "" })).toMatchObject({
      x: "config.lr",
      isLogX: true,
      isLogY: false,
      color: null,
      xGoal: "low",
      yGoal: "high",
    });
    expect(parseBar({ column: "a", topCount: 5e9 })).toEqual({ column: "a", order: "descending", topCount: 1000 });
    expect(parseHistogram({ column: "a", binCount: 1 })?.binCount).toBe(2);
    expect(parseScalar({ column: "a", which: "max", baseline: "r" })).toEqual({
      column: "a",
      which: "max",
      baseline: "r",
    });
    expect(parseLog({ run: "r" })).toEqual({ run: "r", writer: "" });
    expect(parseComparer({ closed: ["config", 3] })).toEqual({ search: "", closed: ["config"] });
    expect(parseImportance({ target: "a" })).toEqual({ target: "a" });
    expect(parseNote({ text: "x" })).toEqual({ text: "x" });
    expect(titleIn("\n## The **plan**\nmore")).toBe("The **plan**");
  });
});

describe("columns", () => {
  it("gives numbers in the unit of their axis and words for the rest", () => {
    const table = tableOf({ a: { create_time: 5000, duration: 90, flag: true, "summary.x": "NaN" } });
    expect(table.number("a", "create_time")).toBe(5);
    expect(table.number("a", "duration")).toBe(90);
    expect(table.number("a", "flag")).toBe(1);
    expect(table.number("a", "summary.x")).toBeNaN();
    expect(table.number("gone", "duration")).toBeNaN();
    expect(formatColumn("duration", 90)).toBe("1 m 30 s");
    expect(formatColumn("config.lr", null)).toBe("–");
    expect(columnTitle("summary.val/loss")).toBe("val/loss");
    expect(columnTitle("create_time")).toBe("create time");
    expect(metricOf("config.lr")).toBeNull();
  });

  it("are coloured by a ramp where they hold numbers and by classes elsewhere", () => {
    const ramp = coloringOf("config.lr", [1, 3, null], "light");
    expect(ramp).toMatchObject({ kind: "ramp", min: 1, max: 3 });
    expect(ramp.colorOf(1)).not.toBe(ramp.colorOf(3));
    const classes = coloringOf("config.opt", ["sgd", "adam", null, "sgd"], "dark");
    expect(classes.kind === "classes" && classes.classes.map(({ name }) => name)).toEqual(["adam", "sgd"]);
    expect(classes.colorOf("sgd")).not.toBe(classes.colorOf("adam"));
    expect(classes.colorOf(null)).not.toBe(classes.colorOf("adam"));
  });
});

describe("statistics", () => {
  it("are those of a sample", () => {
    expect(quantileOf([1, 2, 3, 10], 0.5)).toBe(2.5);
    expect(deviationOf([1, 3])).toBeCloseTo(Math.SQRT2);
    expect(deviationOf([5])).toBe(0);
    expect(["mean", "median", "min", "max"].map((one) => aggregateOf([1, 2, 9], one as "mean"))).toEqual([4, 2, 1, 9]);
    expect(bandOf([1, 3], "range")).toEqual([1, 3]);
    expect(bandOf([1, 3], "stderr")![0]).toBeCloseTo(1);
    expect(bandOf([1, 3], "none")).toBeNull();
  });
});

describe("scatter", () => {
  const config = parseScatter({ x: "x", y: "y", size: "s", isLogX: true })!;

  it("shows runs with both numbers, and counts the others", () => {
    const table = tableOf({ a: { x: 1, y: 2, s: 0 }, b: { x: 4, y: 1, s: 9 }, c: { x: -1, y: 3 }, d: { y: 3 } });
    const { points, missingCount, unshownCount } = pointsOf(RUNS, table, config);
    expect(points.map(({ run }) => run.id)).toEqual(["a", "b"]);
    expect([missingCount, unshownCount]).toEqual([1, 1]);
    expect(points[1].radius).toBeGreaterThan(points[0].radius);
  });

  it("finds the runs that no other beats", () => {
    const points = [
      { x: 1, y: 5 },
      { x: 2, y: 3 },
      { x: 2, y: 4 },
      { x: 3, y: 3 },
      { x: 4, y: 1 },
      { x: 4, y: 1 },
    ];
    expect(frontierOf(points, "low", "low")).toEqual([points[0], points[1], points[4], points[5]]);
    expect(frontierOf(points, "high", "high")).toEqual([points[0], points[2], points[3], points[4], points[5]]);
  });

  it("meets the point nearest to the pointer, within reach", () => {
    const table = tableOf({ a: { x: 1, y: 0 }, b: { x: 10, y: 0 } });
    const { points } = pointsOf(RUNS, table, { ...config, size: null });
    const scale = { kind: "linear" as const, min: 0, max: 10, from: 0, to: 100 };
    expect(nearestOf(points, scale, scale, 95, 3, 8)?.run.id).toBe("b");
    expect(nearestOf(points, scale, scale, 50, 0, 8)).toBeNull();
  });
});

describe("bars", () => {
  const table = tableOf({
    a: { v: 1, g: "x" },
    b: { v: 3, g: "x" },
    c: { v: -2, g: "y" },
    d: { v: "NaN", g: "y" },
  });
  const ungrouped = { groupBy: [], aggregate: "mean" as const, band: "range" as const };

  it("are sorted and begin at 0", () => {
    const { bars, missingCount, min, max } = barsOf(RUNS, table, parseBar({ column: "v" })!, ungrouped);
    expect(bars.map(({ id }) => id)).toEqual(["b", "a", "c"]);
    expect([missingCount, min, max]).toEqual([1, -2, 3]);
  });

  it("of groups are what the view says, with a whisker where there are several runs", () => {
    const { bars } = barsOf(RUNS, table, parseBar({ column: "v" })!, { ...ungrouped, groupBy: ["g"] });
    expect(bars.map(({ name, value, runCount, whisker }) => [name, value, runCount, whisker])).toEqual([
      ["x", 2, 2, [1, 3]],
      ["y", -2, 1, null],
    ]);
  });
});

describe("histogram of runs", () => {
  it("puts each run into one bin, the largest too", () => {
    const table = tableOf({ a: { v: 0 }, b: { v: 5 }, c: { v: 10 }, d: {} });
    const { bins, missingCount, most } = binsOf(RUNS, table, { column: "v", binCount: 2, isLog: false });
    expect(bins.map(({ from, to, runs }) => [from, to, runs.length])).toEqual([
      [0, 5, 1],
      [5, 10, 2],
    ]);
    expect([missingCount, most]).toEqual([1, 2]);
  });

  it("has one bin around values that are all the same, and bins of equal ratio on a log axis", () => {
    const same = tableOf({ a: { v: 3 }, b: { v: 3 } });
    const [bin] = binsOf(RUNS, same, { column: "v", binCount: 8, isLog: false }).bins;
    expect([bin.from < 3, bin.to > 3, bin.runs.length]).toEqual([true, true, 2]);
    const wide = tableOf({ a: { v: 1 }, b: { v: 100 }, c: { v: 0 }, d: {} });
    const log = binsOf(RUNS, wide, { column: "v", binCount: 2, isLog: true });
    expect(log.bins[0].to).toBeCloseTo(10);
    expect([log.unshownCount, log.missingCount]).toEqual([1, 1]);
  });

  it("chooses more bins for more runs, within limits", () => {
    const many = Array.from({ length: 1000 }, (_, index) => index);
    expect(binCountFor([1, 2, 3, 4])).toBe(5);
    expect(binCountFor(many)).toBeGreaterThan(8);
    expect(binCountFor([2, 2])).toBe(1);
  });
});

describe("number", () => {
  const table = tableOf({ a: { v: 4 }, b: { v: 1 }, c: { v: 7 } });
  const of = (which: string, baseline: string | null = null, runs = RUNS) =>
    numberOf(runs, table, parseScalar({ column: "v", which, baseline })!);

  it("is of the newest, the highlighted, the best run or of all", () => {
    expect(of("last")?.value).toBe(4);
    expect(of("min")?.run?.id).toBe("b");
    expect(of("max")?.run?.id).toBe("c");
    expect(of("mean")).toMatchObject({ value: 4, run: null, runCount: 3, values: [7, 1, 4] });
    const highlighted = RUNS.map((run) => (run.id === "c" ? { ...run, emphasis: "strong" as const } : run));
    expect(of("highlighted", null, highlighted)?.run?.id).toBe("c");
    expect(of("highlighted")?.run?.id).toBe("a");
    expect(of("last", null, [shownRun("d")])).toBeNull();
  });

  it("says how far it is from the baseline", () => {
    expect(of("max", "a")?.baseline).toEqual({ value: 4, delta: 3, share: 0.75 });
    expect(of("max", "gone")?.baseline).toBeNull();
  });

  it("has a line that parts at what is not finite", () => {
    expect(sparkPath([0, 1, Number.NaN, 1, 0], 4, 10)).toBe("M0.0 10.0L1.0 0.0M3.0 0.0L4.0 10.0");
    expect(sparkPath([1], 4, 10)).toBe("");
  });
});

describe("importance and comparer", () => {
  it("ranks by importance, then by correlation", () => {
    const column = (name: string, importance: number | null, spearman: number | null) => ({
      name,
      importance,
      spearman,
      pearson: null,
      count: 9,
    });
    const columns = sorted([
      column("none", null, 0.1),
      column("weak", 0.2, 0),
      column("best", 0.8, -1),
      column("far", null, -0.9),
    ]);
    expect(columns.map(({ name }) => name)).toEqual(["best", "weak", "far", "none"]);
    expect(columns.map((one) => shareOf(one, columns))).toEqual([1, 0.25, 0, 0]);
  });

  it("makes sections of columns, and a filter that quotes ids", () => {
    const table = tableOf({ a: { "config.m.lr": 1, "summary.x": 2 }, b: { "config.m.lr": 3 } });
    const [config, summary] = factsOfColumns(table, ["config.m.lr", "summary.x"], ["a", "b"]);
    expect(config.byRun.map((one) => one.get("m.lr"))).toEqual([1, 3]);
    expect(summary.byRun.map((one) => one.has("x"))).toEqual([true, false]);
    expect(filterOf(["a", 'b"c'])).toBe('id = "a" or id = "b\\"c"');
  });
});
