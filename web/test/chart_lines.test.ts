import { describe, expect, test } from "vitest";
import { identityOf, requestBody, type SeriesQuestion } from "../src/data/question";
import { caption, tally } from "../src/panel/caption";
import { axisOf, chartLines, type ChartGroup } from "../src/panel/chart_lines";
import type { ChartMetric, ShownRun } from "../src/panel/shown_run";
import { questionsOf } from "../src/panel/chart_questions";
import { makeFrame } from "../src/chart/frame";
import { makeModel } from "../src/panel/make_model";
import { DEFAULT_VIEW } from "../src/url/view_state";
import { groupSeries, pointSeries } from "./helpers";

const metric = (key: string, stepMetric = ""): ChartMetric => ({ key, stepMetric, otherKinds: [] });
const run = (id: string, over: Partial<ShownRun> = {}): ShownRun => ({
  id,
  name: `run ${id}`,
  isRunning: false,
  createTimeMs: 0,
  style: { color: `#${id}`, dash: [] },
  isContext: false,
  emphasis: "normal",
  ...over,
});
const group: ChartGroup = { id: "lr=1", name: "lr = 1", runIds: ["a", "b"], style: { color: "#123", dash: [] } };
const choice = { metrics: [metric("loss")], expressions: [], runs: [run("a"), run("b")], groups: null };
const asked = (lines: ReturnType<typeof chartLines>, view = DEFAULT_VIEW) =>
  questionsOf({ project: "p", lines, axis: "step", view, buckets: 800 });

describe("the lines of a chart", () => {
  test("are its runs, with one metric", () => {
    const lines = chartLines(choice);
    expect(lines.map(({ id, name, style }) => [id, name, style.color])).toEqual([
      ["a", "run a", "#a"],
      ["b", "run b", "#b"],
    ]);
  });

  test("have the colour of their run and the dash of their metric, with several", () => {
    const lines = chartLines({ ...choice, metrics: [metric("loss"), metric("acc")], expressions: ["loss / acc"] });
    expect(lines.map(({ name }) => name).slice(0, 3)).toEqual(["run a · loss", "run b · loss", "run a · acc"]);
    expect(lines).toHaveLength(6);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(6);
    expect(lines[0].style.color).toBe(lines[2].style.color);
    expect(lines[0].style.dash).not.toEqual(lines[2].style.dash);
    expect(lines[4].source).toEqual({ id: "a", key: "loss / acc", isExpression: true, runIds: null });
  });

  test("are the groups where there are some", () => {
    const [line, ...others] = chartLines({ ...choice, groups: [group] });
    expect(others).toEqual([]);
    expect(line.source.runIds).toEqual(["a", "b"]);
  });
});

describe("questions of lines", () => {
  const bodyOf = (question: SeriesQuestion) =>
    (JSON.parse(requestBody("{}", [{ question, delta: null }]).replace("{,", "{")) as { series: unknown[] }).series[0];

  test("name a run's metric, an expression or a group", () => {
    const [first] = asked(chartLines(choice));
    expect(bodyOf(first)).toEqual({ project: "p", run: "a", key: "loss" });
    const [expression] = asked(chartLines({ ...choice, metrics: [], expressions: ["a / (b + 1)"] }));
    expect(bodyOf(expression)).toEqual({ project: "p", run: "a", expression: "a / (b + 1)" });
    const [grouped] = asked(chartLines({ ...choice, groups: [group] }), { ...DEFAULT_VIEW, band: "std" });
    expect(bodyOf(grouped)).toEqual({
      project: "p",
      group: { id: "lr=1", runs: ["a", "b"], aggregate: "mean", band: "std" },
      key: "loss",
    });
  });

  test("differ where the answer would: by the runs of a group and by how they become one line", () => {
    const questions = [
      asked(chartLines({ ...choice, groups: [group] }))[0],
      asked(chartLines({ ...choice, groups: [{ ...group, runIds: ["a"] }] }))[0],
      asked(chartLines({ ...choice, groups: [group] }), { ...DEFAULT_VIEW, aggregate: "median" })[0],
      asked(chartLines({ ...choice, metrics: [], expressions: ["loss"] }))[0],
      asked(chartLines(choice))[0],
    ];
    expect(new Set(questions.map(identityOf)).size).toBe(questions.length);
  });

  test("are coarser for grey lines among many", () => {
    const lines = chartLines({ ...choice, runs: [run("a"), run("z", { isContext: true })] });
    expect(asked(lines).map(({ buckets }) => buckets)).toEqual([800, 200]);
  });
});

describe("the x axis of a chart", () => {
  test("is what was chosen, else what all of its metrics have", () => {
    expect(axisOf([metric("a", "epoch")], { x: "wall_time" })).toBe("wall_time");
    expect(axisOf([metric("a", "epoch"), metric("b", "epoch")], { x: null })).toBe("metric:epoch");
    expect(axisOf([metric("a", "epoch"), metric("b")], { x: null })).toBe("step");
    expect(axisOf([metric("epoch", "epoch")], { x: null })).toBe("step");
    expect(axisOf([], { x: null })).toBe("step");
  });
});

describe("captions", () => {
  const words = (all: Parameters<typeof tally>[0], lineCount: number, over = {}) => {
    const held = new Map([...all].map((series) => [series.run, series]));
    const lines = [...all].map((series) => ({ ...run(series.run) }));
    const model = makeModel(lines, held, "step", { ...DEFAULT_VIEW, ...over }, "light");
    return caption({
      sum: tally(all),
      frame: makeFrame(model, 400, 200),
      axis: "metric:epoch",
      lineCount,
      lineWord: "run",
      groupWords: "mean and range",
      otherKinds: [],
    });
  };

  test("tell one point, and the runs without the x metric from those without the metric", () => {
    const none = pointSeries([], [], { run: "b", missingCount: 9 });
    const text = words([pointSeries([0], [1], { run: "a" }), none], 3);
    expect(text).toContain("only one point");
    expect(text).toContain("no epoch in 1 of 3 runs");
    expect(text).toContain("in 2 of 3 runs");
  });

  test("tell how many values lie beyond the y axis, and what the line of a group is", () => {
    const values = Array.from({ length: 300 }, (_, index) => (index === 7 ? 1e6 : index % 3));
    expect(words([pointSeries([...values.keys()], values)], 1, { clip: "99" })).toContain("1 above the y axis");
    expect(words([groupSeries([0, 1], [1, 2], [0, 1], [2, 3])], 1)).toContain("mean and range of 1 group · 2 points");
  });
});
