/** A chart as it leaves the page: the drawing with its title, the name of its x axis and a legend, on a ground of its own. */
import { FONT, FONT_FAMILY, type PaintContext } from "./context";
import type { Columns, LineStyle } from "./model";
import { paintChart } from "./painter";
import type { Painting } from "./painting";

export interface Sheet {
  painting: Painting;
  columns: ReadonlyMap<string, Columns>;
  title: string;
  xLabel: string;
  /** What is said of how true the drawing is. */
  caption: string;
  legend: readonly { name: string; style: LineStyle }[];
}

const MARGIN = 8;
const TITLE_HEIGHT = 28;
const LABEL_HEIGHT = 20;
const ROW_HEIGHT = 18;
const SWATCH_WIDTH = 22;
// A legend of more names is longer than the chart it explains.
const LEGEND_MAX = 48;
const COLUMN_WIDTH = 160;
const CHARACTER_WIDTH = 6.6;

const columnCount = ({ painting }: Sheet) => Math.max(1, Math.floor(painting.frame.width / COLUMN_WIDTH));

const legendNames = ({ legend }: Sheet): Sheet["legend"][number][] => {
  const shown = legend.slice(0, LEGEND_MAX);
  const rest = legend.length - shown.length;
  return rest > 0 ? [...shown, { name: `… ${rest} more`, style: { color: "transparent", dash: [] } }] : shown;
};

export function sheetSize(sheet: Sheet): { width: number; height: number } {
  const { width, height } = sheet.painting.frame;
  const rows = Math.ceil(legendNames(sheet).length / columnCount(sheet));
  return {
    width: width + 2 * MARGIN,
    height: height + TITLE_HEIGHT + LABEL_HEIGHT + rows * ROW_HEIGHT + 2 * MARGIN,
  };
}

export function paintSheet(context: PaintContext, sheet: Sheet): void {
  const { painting, columns, title, xLabel, caption } = sheet;
  const { frame, theme } = painting;
  const size = sheetSize(sheet);
  context.fillStyle = theme.ground;
  context.beginPath();
  context.rect(0, 0, size.width, size.height);
  context.fill();
  context.save();
  context.translate(MARGIN, MARGIN);
  context.font = `600 13px ${FONT_FAMILY}`;
  context.fillStyle = theme.ink;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(title, MARGIN, TITLE_HEIGHT / 2);
  context.translate(0, TITLE_HEIGHT);
  paintChart(context, painting, columns);
  context.translate(0, frame.height);
  context.font = FONT;
  context.fillStyle = theme.muted;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillText(xLabel, frame.plot.right, LABEL_HEIGHT / 2);
  context.textAlign = "left";
  const room = frame.width - (xLabel.length + 3) * CHARACTER_WIDTH - MARGIN;
  context.fillText(shortened(caption, room), MARGIN, LABEL_HEIGHT / 2);
  context.translate(0, LABEL_HEIGHT);
  paintLegend(context, sheet);
  context.restore();
}

function paintLegend(context: PaintContext, sheet: Sheet): void {
  const { frame, theme } = sheet.painting;
  const columns = columnCount(sheet);
  const columnWidth = frame.width / columns;
  legendNames(sheet).forEach(({ name, style }, index) => {
    const x = MARGIN + (index % columns) * columnWidth;
    const y = Math.floor(index / columns) * ROW_HEIGHT + ROW_HEIGHT / 2;
    context.strokeStyle = style.color;
    context.lineWidth = 2;
    context.setLineDash(style.dash);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + SWATCH_WIDTH - 6, y);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = theme.ink;
    context.fillText(shortened(name, columnWidth - SWATCH_WIDTH - MARGIN), x + SWATCH_WIDTH, y);
  });
}

function shortened(text: string, width: number): string {
  const room = Math.max(4, Math.floor(width / CHARACTER_WIDTH));
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}
