import { describe, expect, test } from "vitest";
import { preparedFigure } from "../frames/figure";
import { plain } from "../frames/plain";
import { fitted, withRows } from "../frames/vega_spec";
import { readAnswer } from "../src/frame/answer";

describe("what a frame is given", () => {
  test("loses every key that names a prototype, however deep", () => {
    const hostile = JSON.parse(
      '{"a": [{"__proto__": {"polluted": 1}, "b": {"constructor": {"prototype": {"polluted": 1}}}}], "prototype": 2}',
    ) as unknown;
    expect(plain(hostile)).toEqual({ a: [{ b: {} }] });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("keeps everything else, binary data as they are", () => {
    const bytes = new ArrayBuffer(4);
    const given = { n: 1, s: "constructor", none: null, list: [Number.NaN], bytes };
    const made = plain(given) as typeof given;
    expect(made).toEqual(given);
    expect(made.bytes).toBe(bytes);
  });
});

describe("what a frame says", () => {
  test("is one of three forms, or nothing", () => {
    expect(readAnswer({ trackd: "ready" })).toEqual({ kind: "ready" });
    expect(readAnswer({ trackd: "size", width: 10, height: 20 })).toEqual({ kind: "size", width: 10, height: 20 });
    const odd = [null, 1, "ready", {}, { trackd: "other" }, { trackd: "error", message: {} }];
    for (const said of [...odd, { trackd: "size", width: Infinity, height: 1 }]) expect(readAnswer(said)).toBeNull();
  });

  test("is cut to a sentence", () => {
    const answer = readAnswer({ trackd: "error", message: "x".repeat(100_000) });
    expect(answer?.kind === "error" && answer.message.length).toBe(600);
  });
});

describe("a Plotly figure", () => {
  const white = { template: { layout: { paper_bgcolor: "white", font: { color: "black", size: 14 } } } };

  test("is as large as its frame and in the theme's colours", () => {
    const { layout } = preparedFigure({ data: [], layout: { ...white, width: 2000, height: 900 } }, "dark");
    expect(layout).not.toHaveProperty("width");
    expect(layout.template).toMatchObject({ layout: { paper_bgcolor: "rgba(0,0,0,0)", font: { color: "#e8eaee" } } });
  });

  test("that says its own ground is left in its own colours", () => {
    const { layout } = preparedFigure({ data: [], layout: { ...white, plot_bgcolor: "pink" } }, "dark");
    expect(layout.template).toEqual(white.template);
  });

  test("asks for nothing from outside", () => {
    const images = [{ source: "https://example.com/a.png" }, { source: "data:image/png;base64,AA" }];
    expect(preparedFigure({ data: [], layout: { images } }, "light").layout.images).toEqual([images[1]]);
    for (const type of ["choropleth", "scattergeo", "scattermap", "densitymapbox"]) {
      expect(() => preparedFigure({ data: [{ type }] }, "light")).toThrow(type);
    }
    expect(preparedFigure({ data: [{ type: "heatmap" }, { type: "treemap" }] }, "light").data).toHaveLength(2);
  });

  test("that is none says so", () => {
    expect(() => preparedFigure({ layout: {} }, "light")).toThrow("no list of traces");
    expect(() => preparedFigure("x", "light")).toThrow("no list of traces");
  });
});

describe("a Vega-Lite specification", () => {
  test("fills its frame unless it has a size or many parts", () => {
    expect(fitted({ mark: "bar" })).toMatchObject({ width: "container", height: "container", data: { name: "table" } });
    expect(fitted({ mark: "bar", width: 300 }).width).toBe(300);
    for (const parts of [{ hconcat: [] }, { encoding: { row: { field: "a" } } }, { repeat: {}, spec: {} }]) {
      expect(fitted(parts)).not.toHaveProperty("width");
    }
  });

  test("finds the rows under the name of the table, and keeps data of its own", () => {
    const data = [{ name: "table" }, { name: "other", values: [1] }, { name: "made", source: "table" }];
    expect(withRows({ data }, [{ a: 1 }]).data).toEqual([{ name: "table", values: [{ a: 1 }] }, data[1], data[2]]);
  });
});
