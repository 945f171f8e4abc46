/** Gives a chart to the person as a file: a picture, a drawing, or its numbers. Loaded when first asked for. */
import type { XAxis } from "../api/series";
import type { Frame } from "../chart/frame";
import type { ChartModel } from "../chart/model";
import { makePainting } from "../chart/painting";
import { paintSheet, type Sheet, sheetSize } from "../chart/sheet";
import { SvgContext } from "../chart/svg";
import { download } from "../table/csv";
import { axisLabel } from "./axis";
import { chartCsv, chartRows } from "./chart_rows";

export interface ExportedChart {
  model: ChartModel;
  frame: Frame;
  axis: XAxis;
  title: string;
  caption: string;
  nameOf: (line: string) => string;
}

export type ExportFormat = "png" | "svg" | "csv";

const PNG_RATIO = 2;

export async function exportChart(chart: ExportedChart, format: ExportFormat): Promise<void> {
  download(await contentOf(chart, format), `${fileName(chart.title)}.${format}`);
}

async function contentOf(chart: ExportedChart, format: ExportFormat): Promise<Blob> {
  if (format === "csv") return chartCsv(chartRows(chart.model, chart.axis, chart.nameOf), chart.model.xBase);
  const sheet = sheetOf(chart);
  return format === "svg" ? new Blob([chartSvg(sheet)], { type: "image/svg+xml" }) : chartPng(sheet);
}

export function sheetOf({ model, frame, axis, title, caption, nameOf }: ExportedChart): Sheet {
  return {
    painting: makePainting(model, frame, PNG_RATIO),
    columns: new Map(model.series.map(({ id, columns }) => [id, columns])),
    title,
    xLabel: axisLabel(axis),
    caption,
    legend: model.series.filter(({ isContext }) => !isContext).map(({ id, style }) => ({ name: nameOf(id), style })),
  };
}

export function chartSvg(sheet: Sheet): string {
  const context = new SvgContext();
  paintSheet(context, sheet);
  const { width, height } = sheetSize(sheet);
  return context.document(width, height, sheet.title);
}

function chartPng(sheet: Sheet): Promise<Blob> {
  const { width, height } = sheetSize(sheet);
  const canvas = document.createElement("canvas");
  canvas.width = width * PNG_RATIO;
  canvas.height = height * PNG_RATIO;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser gives no canvas to draw the picture on: download the SVG instead");
  context.scale(PNG_RATIO, PNG_RATIO);
  paintSheet(context, sheet);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser could not write the picture"))));
  });
}

/** A name that every system takes as a file's. */
const fileName = (title: string): string => title.replace(/[^\w.-]+/g, "_").slice(0, 100) || "chart";
