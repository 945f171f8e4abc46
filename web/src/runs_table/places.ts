/** Places in the grid of runs. */
import type { Place } from "../table/next_place";

/** The row of the columns' names. */
export const HEADER_ROW = -1;
/** The place of the column that always stays: the name. */
export const NAME_PLACE = -1;

export function within(place: Place, rowCount: number, columnCount: number): Place {
  return {
    row: Math.min(Math.max(place.row, HEADER_ROW), rowCount - 1),
    column: Math.min(Math.max(place.column, NAME_PLACE), columnCount - 1),
  };
}
