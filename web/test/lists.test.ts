import { describe, expect, test } from "vitest";
import type { Run } from "../src/api/types";
import type { RunsAnswer } from "../src/api/run_sets";
import { applyLive, reorder } from "../src/data/runs";
import { chartMetrics } from "../src/panel/chart_metrics";
import { flatten } from "../src/run/flatten";
import { metricRules } from "../src/run/metric_rules";
import { rowsInView } from "../src/ui/use_window";
import { makeSections } from "../src/panel/sections";
import { matcher } from "../src/ui/matcher";

const run = (id: string, created: number, revision = 1) =>
  ({ run_id: id, create_time_unix_ms: created, revision }) as Run;
const live = (runs: Run[], removed: string[] = []) => ({ type: "runs" as const, runs, removed });

describe("the list of runs", () => {
  test("takes changes in place, new runs by their start, and lets removed ones go", () => {
    const page = { runs: [run("b", 2), run("a", 1)], total_count: 2 };
    const next = applyLive(page, live([run("a", 1, 5), run("c", 3)], ["b"]));
    expect(next.runs.map((one) => [one.run_id, one.revision])).toEqual([
      ["c", 1],
      ["a", 5],
    ]);
    expect(next.total_count).toBe(2);
  });

  test("does not go back to an older revision", () => {
    const next = applyLive({ runs: [run("a", 1, 9)], total_count: 1 }, live([run("a", 1, 3)]));
    expect(next.runs[0].revision).toBe(9);
  });

  test("leaves out runs of a part that is not loaded", () => {
    const next = applyLive({ runs: [run("z", 9)], total_count: 50 }, live([run("old", 1)]));
    expect(next.runs).toHaveLength(1);
    expect(next.total_count).toBe(50);
  });
});

describe("a list of runs in an order of its own", () => {
  const answer = (ids: string[], runs: Run[] = []): RunsAnswer => ({
    total_count: ids.length,
    project_run_count: 9,
    revision: 1,
    run_ids: ids,
    columns: [],
    runs,
    groups: [],
  });

  test("has no place for what is new until it was asked", () => {
    const next = applyLive(answer(["a"], [run("a", 1)]), live([run("b", 2), run("a", 1, 4)]), false);
    expect(next.runs.map((one) => [one.run_id, one.revision])).toEqual([["a", 4]]);
  });

  test("takes a new order of what it knows, and asks for the rest", () => {
    const list = answer(["a", "b"], [run("a", 1), run("b", 2)]);
    expect(reorder(list, answer(["b", "a"]))?.runs.map((one) => one.run_id)).toEqual(["b", "a"]);
    expect(reorder(list, answer(["b"]))?.total_count).toBe(1);
    expect(reorder(list, answer(["b", "new"]))).toBeNull();
  });
});

describe("sections", () => {
  const named = (...keys: string[]) => keys.map((key) => ({ key }));
  const metrics = named("a/b/c", "a/e", "a/b/d", "loss", "/odd", "ab/c");

  test("are all before the last slash", () => {
    expect(makeSections(metrics, "last")).toEqual([
      { name: "a", metrics: named("a/e"), media: [] },
      { name: "a/b", metrics: named("a/b/c", "a/b/d"), media: [] },
      { name: "ab", metrics: named("ab/c"), media: [] },
      { name: "Charts", metrics: named("/odd", "loss"), media: [] },
    ]);
  });

  test("or the first part", () => {
    expect(makeSections(metrics, "first").map((section) => section.name)).toEqual(["a", "ab", "Charts"]);
  });

  test("count numbers in names as numbers", () => {
    expect(makeSections(named("m10", "m2", "m1"), "last")[0].metrics).toEqual(named("m1", "m2", "m10"));
  });
});

test("a search is a regular expression, and no search when it is not one", () => {
  expect(["train/loss", "val/loss"].filter(matcher("^TRAIN")!)).toEqual(["train/loss"]);
  expect(matcher("(")).toBeNull();
});

test("only numbers that are not hidden are drawn", () => {
  const metric = (name: string, kind: "number" | "string", hidden = false) => ({ name, kind, hidden, step_metric: "" });
  const found = chartMetrics([
    metric("a", "number"),
    metric("a", "string"),
    metric("b", "string"),
    metric("c", "number", true),
  ]);
  expect(found.drawn).toEqual([{ key: "a", stepMetric: "", otherKinds: ["string"] }]);
  expect(found.undrawnCount).toBe(1);
});

test("a definition of its own goes before a pattern, a longer pattern before a shorter", () => {
  const rule = (name: string) => ({ name, step_metric: name, step_sync: true, hidden: false, summary: [], goal: "" });
  const ruleOf = metricRules([rule("*"), rule("val/*"), rule("val/loss")]);
  expect(["x", "val/acc", "val/loss"].map((name) => ruleOf(name)?.name)).toEqual(["*", "val/*", "val/loss"]);
});

test("nested configs become dotted names", () => {
  expect(flatten({ a: 1, b: { c: [1], d: {} } })).toEqual([
    ["a", 1],
    ["b.c", [1]],
    ["b.d", {}],
  ]);
});

test("only rows near the screen are in the page", () => {
  expect(rowsInView(-10_000, 0, 900, 100, 1000, 200)).toEqual({ first: 98, end: 111 });
  expect(rowsInView(5000, 0, 900, 100, 1000, 200)).toEqual({ first: 0, end: 0 });
});
