/** How the media cards of a section stand in rows: a card takes as many columns as its runs need side by side. */
import type { MediaMetric } from "../panel/shown_run";
import { CELL_WIDTH_MIN } from "./panels";

export interface CardPlace {
  metric: MediaMetric;
  /** Columns of the grid. */
  span: number;
}

/** What a card takes of its width for itself, and the room between two runs, in pixels. */
export const CARD_MARGIN = 24;
export const CELL_GAP = 12;

/**
 * The rows of cards, in the order of the metrics.
 *
 * @param runCount how many runs are shown.
 * @param columnWidth the width of a column with its gap.
 */
export function cardRows(
  media: readonly MediaMetric[],
  runCount: number,
  columns: number,
  columnWidth: number,
): CardPlace[][] {
  const rows: CardPlace[][] = [];
  const cellsOf = (metric: MediaMetric) => Math.max(1, Math.min(metric.runCount, runCount));
  let row: CardPlace[] = [];
  let free = columns;
  const close = () => {
    const last = row.at(-1);
    // Several runs make use of what would be left empty; a single one would only be drawn out.
    if (last && cellsOf(last.metric) > 1) last.span += free;
    if (last) rows.push(row);
    row = [];
    free = columns;
  };
  for (const metric of media) {
    const wanted = cellsOf(metric) * (CELL_WIDTH_MIN[metric.kind] + CELL_GAP) + CARD_MARGIN;
    const span = Math.min(columns, Math.max(1, Math.ceil(wanted / columnWidth)));
    if (span > free) close();
    row.push({ metric, span });
    free -= span;
  }
  close();
  return rows;
}
