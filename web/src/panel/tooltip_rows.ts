/** The words of a tooltip: what lies under a cursor, as rows of texts. */
import type { Hit } from "../chart/hit";
import type { LineStyle } from "../chart/model";
import { toPixel } from "../chart/scale";
import { formatMeasure } from "../format/measure";
import { formatExact, formatValue, plural } from "../format/number";
import { formatX } from "./axis";
import type { Cursor } from "./cursor";

export interface TooltipCell {
  text: string;
  /** All digits, for who wants them. */
  exact?: string;
  isMuted?: boolean;
}

export interface TooltipRow {
  id: string;
  name: string;
  style: LineStyle;
  isNearest: boolean;
  cells: TooltipCell[];
}

export interface TooltipContent {
  /** Where: `step 1,200`. */
  head: string;
  /** What the cells of a row are; empty where there is nothing to tell apart. */
  columns: string[];
  rows: TooltipRow[];
  /** Lines that have no row. */
  moreCount: number;
}

// A point this near to the cursor is under it; one farther away is listed with its own x.
const NEAR_PIXELS = 3;

/** Null where nothing lies under the cursor. */
export function tooltipContent(cursor: Cursor, rowsMax: number): TooltipContent | null {
  const { source, axis } = cursor;
  const { shownModel: model, frame } = source;
  const hits = cursor.hits();
  if (!model || !frame || hits.length === 0) return null;
  const first = hits[0];
  const headX = first.range && first.runCount === null ? cursor.sourceX : first.x;
  const pixelOf = (x: number) => toPixel(frame.x, x);
  const isElsewhere = (hit: Hit) =>
    (!hit.range || hit.runCount !== null) && Math.abs(pixelOf(hit.x) - pixelOf(headX)) > NEAR_PIXELS;
  const isGroups = first.runCount !== null;
  const hasSmoothed = hits.some((hit) => hit.smoothed !== null);
  const hasRange = hits.some((hit) => hit.range !== null && hit.range[0] !== hit.range[1]);
  const { measure } = model;
  const write = (value: number, digits: number) =>
    measure ? formatMeasure(value, measure) : formatValue(value, digits);

  const cellsOf = (hit: Hit): TooltipCell[] => {
    const cells: TooltipCell[] = [];
    if (hasSmoothed) cells.push({ text: hit.smoothed === null ? "" : write(hit.smoothed, 5) });
    if (isGroups) {
      cells.push({ text: `${cursor.aggregate ?? ""} ${write(hit.y, 4)}`.trim(), exact: formatExact(hit.y) });
      if (hasRange) cells.push({ text: hit.range ? `(${write(hit.range[0], 4)}–${write(hit.range[1], 4)})` : "" });
      cells.push({ text: hit.runCount === null ? "" : `· ${plural(hit.runCount, "run")}`, isMuted: true });
    } else {
      cells.push({ text: write(hit.y, 5), exact: formatExact(hit.y) });
      if (hasRange) {
        const text = hit.range ? `${write(hit.range[0], 4)} … ${write(hit.range[1], 4)}` : "";
        cells.push({ text, isMuted: true });
      }
    }
    if (isElsewhere(hit)) cells.push({ text: formatX(axis, hit.x, model.xBase), isMuted: true });
    return cells;
  };

  const hasHead = !isGroups && (hasSmoothed || hasRange);
  const columns = [hasSmoothed && "smoothed", hasRange ? model.line : "value", hasRange && "min … max"];
  return {
    head: formatX(axis, axis === "step" ? Math.round(headX) : headX, model.xBase),
    columns: hasHead ? columns.filter((one) => one !== false) : [],
    rows: hits.slice(0, rowsMax).map((hit, index) => ({
      id: hit.series.id,
      name: cursor.nameOf(hit.series.id),
      style: hit.series.style,
      isNearest: index === 0 && cursor.pixelY !== null,
      cells: cellsOf(hit),
    })),
    moreCount: Math.max(0, hits.length - rowsMax),
  };
}

/** The same as text, a row a line, for the clipboard. */
export const tooltipText = ({ head, columns, rows }: TooltipContent): string =>
  [
    head,
    ...(columns.length > 0 ? [["", ...columns].join("\t")] : []),
    ...rows.map((row) => [row.name, ...row.cells.map((cell) => cell.exact ?? cell.text)].join("\t")),
  ].join("\n");
