import { describe, expect, test } from "vitest";
import type { Series } from "../src/api/series";
import { makeFrame } from "../src/chart/frame";
import type { ChartModel } from "../src/chart/model";
import { paintChart } from "../src/chart/painter";
import { makePainting } from "../src/chart/painting";
import { toPixel } from "../src/chart/scale";
import { makeModel, type ShownLine } from "../src/panel/make_model";
import { DEFAULT_VIEW, type ViewState } from "../src/url/view_state";
import { bucketSeries, groupSeries, pointSeries } from "./helpers";
import { recorder } from "./recorder";

const line = (id: string, over: Partial<ShownLine> = {}): ShownLine => ({
  id,
  style: { color: `#${id}`, dash: [] },
  isContext: false,
  emphasis: "normal",
  ...over,
});

function modelOf(lines: ShownLine[], all: Series[], view: Partial<ViewState> = {}): ChartModel {
  const held = new Map(lines.map(({ id }, index) => [id, all[index]]));
  return makeModel(lines, held, "step", { ...DEFAULT_VIEW, ...view }, "light");
}

function paint(model: ChartModel) {
  const frame = makeFrame(model, 300, 150);
  const { context, told } = recorder();
  paintChart(context, makePainting(model, frame, 1), new Map(model.series.map(({ id, columns }) => [id, columns])));
  return { frame, told };
}

/** What is told after a colour is first set, up to when the next line begins. */
const after = (told: string[], what: string) => told.slice(told.indexOf(what));

describe("paintings", () => {
  test("break a line at what is no number, and draw a point that is alone as a dot", () => {
    const { frame, told } = paint(modelOf([line("abc")], [pointSeries([0, 1, 2, 3], [1, 2, Number.NaN, 4])]));
    const at = (x: number, y: number) =>
      [toPixel(frame.x, x), toPixel(frame.y, y)].map((one) => Math.round(one * 10) / 10);
    expect(after(told, "strokeStyle=#abc").slice(0, 10)).toEqual([
      "strokeStyle=#abc",
      "setLineDash()",
      "beginPath()",
      `moveTo(${at(0, 1)})`,
      `lineTo(${at(1, 2)})`,
      `moveTo(${at(3, 4)})`,
      "globalAlpha=1",
      "lineWidth=1.5",
      "stroke()",
      "setLineDash()",
    ]);
    expect(told.some((one) => one.startsWith(`arc(${at(3, 4)},3`))).toBe(true);
  });

  test("fill the band of buckets and of groups", () => {
    for (const series of [bucketSeries([0, 2], [1, 3], [0, 1], [2, 3]), groupSeries([0, 1], [1, 2], [0, 1], [2, 3])]) {
      const { told } = paint(modelOf([line("abc")], [series]));
      expect(told.filter((one) => one === "fill()")).toHaveLength(1);
      expect(told.filter((one) => one === "closePath()")).toHaveLength(1);
    }
  });

  test("give the highlighted line a casing, and fade the others to a quarter", () => {
    const lines = [line("abc", { emphasis: "strong" }), line("def", { emphasis: "faded" })];
    const { told } = paint(modelOf(lines, [pointSeries([0, 1], [1, 2]), pointSeries([0, 1], [2, 1])]));
    const strong = after(told, "strokeStyle=#abc");
    expect(strong.filter((one) => one === "stroke()").length).toBeGreaterThanOrEqual(2);
    expect(strong).toContain("strokeStyle=#ffffff");
    const faded = told.slice(told.indexOf("strokeStyle=#def"), told.indexOf("strokeStyle=#abc"));
    expect(faded).toContain("globalAlpha=0.3");
  });

  test("mark by arrows what lies beyond the y axis", () => {
    const values = Array.from({ length: 300 }, (_, index) => (index === 150 ? 1e6 : index % 3));
    const model = modelOf([line("abc")], [pointSeries([...values.keys()], values)], { clip: "99" });
    const { frame, told } = paint(model);
    const tip = `moveTo(${Math.round(toPixel(frame.x, 150) * 10) / 10},${frame.plot.top - 5})`;
    expect(told).toContain(tip);
    expect(paint({ ...model, clip: "all" }).told).not.toContain(tip);
  });
});
