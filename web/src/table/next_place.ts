/** Where keys lead from one cell of a grid to the next. */

export interface Place {
  row: number;
  column: number;
}

/**
 * Where a key leads, not yet held within the grid; null for keys that lead nowhere.
 *
 * @param isWhole whether Ctrl or ⌘ is held: then all the way.
 * @param firstColumn the place of the first column: a grid may count one before 0.
 */
export function nextPlace(
  { row, column }: Place,
  key: string,
  isWhole: boolean,
  pageRows: number,
  firstColumn = 0,
): Place | null {
  switch (key) {
    case "ArrowUp":
      return { row: isWhole ? 0 : row - 1, column };
    case "ArrowDown":
      return { row: isWhole ? Infinity : row + 1, column };
    case "ArrowLeft":
      return { row, column: isWhole ? firstColumn : column - 1 };
    case "ArrowRight":
      return { row, column: isWhole ? Infinity : column + 1 };
    case "PageUp":
      return { row: Math.max(0, row - pageRows), column };
    case "PageDown":
      return { row: row + pageRows, column };
    case "Home":
      return { row: isWhole ? 0 : row, column: firstColumn };
    case "End":
      return { row: isWhole ? Infinity : row, column: Infinity };
    default:
      return null;
  }
}
