/** Places in the grid of runs, and where keys lead from one to the next. */

/** The row of the columns' names. */
export const HEADER_ROW = -1;
/** The place of the column that always stays: the name. */
export const NAME_PLACE = -1;

export interface GridPlace {
  row: number;
  column: number;
}

/** Where a key leads, not yet held within the grid; null for keys that lead nowhere. */
export function nextPlace(
  { row, column }: GridPlace,
  key: string,
  isWhole: boolean,
  pageRows: number,
): GridPlace | null {
  switch (key) {
    case "ArrowUp":
      return { row: isWhole ? 0 : row - 1, column };
    case "ArrowDown":
      return { row: isWhole ? Infinity : row + 1, column };
    case "ArrowLeft":
      return { row, column: isWhole ? NAME_PLACE : column - 1 };
    case "ArrowRight":
      return { row, column: isWhole ? Infinity : column + 1 };
    case "PageUp":
      return { row: Math.max(0, row - pageRows), column };
    case "PageDown":
      return { row: row + pageRows, column };
    case "Home":
      return { row: isWhole ? 0 : row, column: NAME_PLACE };
    case "End":
      return { row: isWhole ? Infinity : row, column: Infinity };
    default:
      return null;
  }
}

export function within(place: GridPlace, rowCount: number, columnCount: number): GridPlace {
  return {
    row: Math.min(Math.max(place.row, HEADER_ROW), rowCount - 1),
    column: Math.min(Math.max(place.column, NAME_PLACE), columnCount - 1),
  };
}
