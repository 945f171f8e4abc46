import { describe, expect, test } from "vitest";
import { makeFrame } from "../src/chart/frame";
import type { ChartModel } from "../src/chart/model";
import { escapeXml } from "../src/chart/svg";
import { chartSvg, sheetOf } from "../src/panel/chart_export";
import { chartCsv, chartRows, xText } from "../src/panel/chart_rows";
import { makeModel } from "../src/panel/make_model";
import { DEFAULT_VIEW, type ViewState } from "../src/url/view_state";
import type { Series } from "../src/api/series";
import { bucketSeries, groupSeries, pointSeries } from "./helpers";

const nameOf = (id: string) => `run ${id}`;

function modelOf(all: Record<string, Series>, view: Partial<ViewState> = {}): ChartModel {
  const lines = Object.keys(all).map((id) => ({
    id,
    style: { color: "#1812ae", dash: [6, 3] },
    isContext: false,
    emphasis: "normal" as const,
  }));
  return makeModel(lines, new Map(Object.entries(all)), "step", { ...DEFAULT_VIEW, ...view }, "light");
}

const textOf = async (model: ChartModel) =>
  (await chartCsv(chartRows(model, "step", nameOf), model.xBase).text()).trim();

describe("the numbers of a chart", () => {
  test("are a row for each x and a column for each line", async () => {
    const model = modelOf({ a: pointSeries([0, 2, 4], [1, 2, 3]), b: pointSeries([2, 3], [9, Number.NaN]) });
    expect((await textOf(model)).split("\r\n")).toEqual(["step,run a,run b", "0,1,", "2,2,9", "3,,NaN", "4,3,"]);
  });

  test("lose none of several points at one x", async () => {
    const model = modelOf({ a: pointSeries([1, 1, 2], [5, 6, 7]), b: pointSeries([1], [8]) });
    expect((await textOf(model)).split("\r\n").slice(1)).toEqual(["1,5,8", "1,6,", "2,7,"]);
  });

  test("tell raw and smoothed, the ends of buckets, and the band and the runs of a group", () => {
    const smooth = pointSeries([0], [1]);
    smooth.columns.smoothed = Float64Array.of(0.5);
    const all = { s: smooth, b: bucketSeries([0], [9], [1], [2]), g: groupSeries([0], [1], [0], [2]) };
    expect(chartRows(modelOf(all), "step", (id) => id).names.slice(1)).toEqual([
      "s",
      "s (smoothed)",
      "b",
      "b (min)",
      "b (max)",
      "g",
      "g (low)",
      "g (high)",
      "g (runs)",
    ]);
  });

  test("are those of the shown part of x", async () => {
    const zoom = { min: 1, max: 2, axis: "step" as const };
    const model = modelOf({ a: pointSeries([0, 1, 2, 3], [1, 2, 3, 4]) }, { zoom });
    expect((await textOf(model)).split("\r\n").slice(1)).toEqual(["1,2", "2,3"]);
  });

  test("keep all digits of a step past 2^53", () => {
    expect(xText(9223372036854775000n, 807)).toBe("9223372036854775807");
    expect(xText(0n, 0.25)).toBe("0.25");
  });
});

describe("the drawing of a chart", () => {
  const svgOf = (model: ChartModel, title = "loss") => {
    const frame = makeFrame(model, 400, 200);
    return chartSvg(sheetOf({ model, frame, axis: "step", title, caption: "1:1 · 3 points", nameOf }));
  };

  test("has its words as text and its lines as paths", () => {
    const svg = svgOf(modelOf({ a: pointSeries([0, 1, 2], [1, 2, 3]) }));
    for (const words of ["loss", "step", "run a", "1:1 · 3 points"]) expect(svg).toContain(`>${words}</text>`);
    expect(svg).toMatch(/<path d="M[\d. ]+L[\d. ]+L[\d. ]+" [^>]*stroke="#1812ae"[^>]*stroke-dasharray="6 3"/);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="\d+" height="\d+"/);
  });

  test("has a band for a group", () => {
    expect(svgOf(modelOf({ g: groupSeries([0, 1], [1, 2], [0, 1], [2, 3]) }))).toMatch(
      /Z" fill="#1812ae" opacity="0\.33"/,
    );
  });

  test("holds nothing that a name could break out of", () => {
    const svg = svgOf(modelOf({ a: pointSeries([0, 1], [1, 2]) }), `</text><script>alert("1")</script>&\u0000`);
    expect(svg).not.toContain("<script");
    expect(svg).not.toContain("\u0000");
    expect(escapeXml(`<&>"'`)).toBe("&#60;&#38;&#62;&#34;&#39;");
  });
});
