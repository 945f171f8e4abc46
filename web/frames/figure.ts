/** A Plotly figure made ready for a frame: as large as the frame, in the page's colours, asking for nothing from outside. */
import { RUN_COLORS, type ThemeName } from "../src/chart/palette";
import { FONT, LOOKS } from "./look";
import { isObject } from "./plain";

export interface Figure {
  data: unknown[];
  layout: Record<string, unknown>;
}

/** Traces over maps: their outlines and tiles come from servers, which a frame cannot ask. */
const MAP_TRACE = /geo$|^choropleth|map$|mapbox$/;
const NO_MAP = new Set(["heatmap", "treemap"]);

function merged(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) result[key] = key in base ? merged(base[key], value) : value;
  return result;
}

function themeLayout(theme: ThemeName): Record<string, unknown> {
  const look = LOOKS[theme];
  const axis = { gridcolor: look.grid, linecolor: look.axis, zerolinecolor: look.axis, tickcolor: look.axis };
  const wall = { ...axis, backgroundcolor: "rgba(0,0,0,0)", gridcolor: look.axis };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: FONT, size: 12, color: look.ink },
    colorway: RUN_COLORS[theme],
    xaxis: axis,
    yaxis: axis,
    scene: { xaxis: wall, yaxis: wall, zaxis: wall },
    polar: { bgcolor: "rgba(0,0,0,0)", angularaxis: axis, radialaxis: axis },
    ternary: { bgcolor: "rgba(0,0,0,0)", aaxis: axis, baxis: axis, caxis: axis },
    hoverlabel: { bgcolor: look.raised, bordercolor: look.axis, font: { color: look.ink } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: look.muted, activecolor: look.ink },
    margin: { l: 56, r: 24, t: 40, b: 44 },
  };
}

/** Pictures from elsewhere would only be refused by the browser. */
const isInline = (image: unknown) => isObject(image) && String(image.source).startsWith("data:image/");

/**
 * The figure for a theme. One that says its own backgrounds is left in its own colours.
 *
 * @throws Error when it is no figure, or needs what only the network has.
 */
export function preparedFigure(figure: unknown, theme: ThemeName): Figure {
  if (!isObject(figure) || !Array.isArray(figure.data)) throw new Error("the figure has no list of traces");
  const data: unknown[] = figure.data;
  for (const trace of data) {
    const type = isObject(trace) ? String(trace.type ?? "scatter") : "scatter";
    if (MAP_TRACE.test(type) && !NO_MAP.has(type)) {
      throw new Error(`a trace of type '${type}' draws on a map from the network, and a figure here loads nothing`);
    }
  }
  const layout = isObject(figure.layout) ? { ...figure.layout } : {};
  // The figure is as large as the frame, whatever it was made for.
  delete layout.width;
  delete layout.height;
  const hasOwnGround = "paper_bgcolor" in layout || "plot_bgcolor" in layout;
  const template = isObject(layout.template) ? layout.template : {};
  return {
    data,
    layout: {
      ...layout,
      autosize: true,
      // A zoom stays when the same figure comes again, as with another theme.
      uirevision: layout.uirevision ?? "kept",
      ...(Array.isArray(layout.images) && { images: layout.images.filter(isInline) }),
      ...(!hasOwnGround && { template: { ...template, layout: merged(template.layout ?? {}, themeLayout(theme)) } }),
    },
  };
}
