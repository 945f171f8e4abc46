/** Which part of a list of runs is asked for, for the rows that are looked at. */

// One question fills a high screen with room to scroll, and moves on by steps, so that a little scrolling asks nothing.
const STEP_ROWS = 50;
const MARGIN_ROWS = 100;

export interface RunSetWindow {
  /** Of the runs, not counting headings of groups. */
  first: number;
  /** One past the last. */
  end: number;
}

export function windowOf({ first, end }: RunSetWindow): { offset: number; limit: number } {
  const offset = Math.max(0, Math.floor((first - MARGIN_ROWS) / STEP_ROWS) * STEP_ROWS);
  const last = Math.ceil((end + MARGIN_ROWS) / STEP_ROWS) * STEP_ROWS;
  return { offset, limit: Math.max(2 * MARGIN_ROWS, last - offset) };
}
