/** A Vega-Lite specification made ready for a frame: the rows under the name `table`, as wide and high as the frame, in our colours. */
import { RUN_COLORS, type ThemeName } from "../src/chart/palette";
import { FONT, LOOKS } from "./look";
import { isObject } from "./plain";

export const TABLE_NAME = "table";

/** Charts of many parts have a size of their own: only a single view or layers in one fit a frame. */
const PARTS = ["facet", "hconcat", "vconcat", "concat", "repeat", "spec"];

function isSingleView(specification: Record<string, unknown>): boolean {
  if (PARTS.some((part) => part in specification)) return false;
  const encoding = specification.encoding;
  return !isObject(encoding) || !["row", "column", "facet"].some((channel) => channel in encoding);
}

/** The specification, told to fill the frame where it can and says nothing of its size. */
export function fitted(specification: Record<string, unknown>): Record<string, unknown> {
  const withData = "data" in specification ? specification : { ...specification, data: { name: TABLE_NAME } };
  if (!isSingleView(withData)) return withData;
  return {
    ...withData,
    width: withData.width ?? "container",
    height: withData.height ?? "container",
    autosize: withData.autosize ?? { type: "fit", contains: "padding" },
  };
}

/** Puts the rows into every data set named `table` of a compiled Vega specification that brings none of its own. */
export function withRows(specification: Record<string, unknown>, rows: readonly unknown[]): Record<string, unknown> {
  const data = Array.isArray(specification.data) ? (specification.data as unknown[]) : [];
  return {
    ...specification,
    data: data.map((source) =>
      isObject(source) && source.name === TABLE_NAME && !("source" in source) && !("url" in source)
        ? { ...source, values: rows }
        : source,
    ),
  };
}

/** The configuration of Vega and Vega-Lite for a theme; what a specification says itself goes before it. */
export function themeConfig(theme: ThemeName): Record<string, unknown> {
  const look = LOOKS[theme];
  const text = { labelColor: look.muted, titleColor: look.ink, labelFontSize: 12, titleFontSize: 12 };
  return {
    background: "transparent",
    font: FONT,
    padding: 8,
    title: { color: look.ink, fontSize: 13, fontWeight: 600, subtitleColor: look.muted },
    axis: {
      ...text,
      titleFontWeight: 400,
      domainColor: look.axis,
      tickColor: look.axis,
      gridColor: look.grid,
      labelOverlap: true,
    },
    legend: { ...text, titleFontWeight: 400 },
    header: text,
    mark: { color: look.accent },
    text: { color: look.ink },
    rule: { color: look.muted },
    view: { stroke: "transparent" },
    style: { "guide-label": { font: FONT }, "guide-title": { font: FONT }, cell: { stroke: "transparent" } },
    range: { category: RUN_COLORS[theme], ramp: look.ramp, heatmap: look.ramp, ordinal: look.ramp },
  };
}
