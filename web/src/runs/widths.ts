/** How wide columns of runs are. */
import { columnLabel, NAME_COLUMN, originOf } from "./column_names";

export const WIDTH_MIN = 56;
export const WIDTH_MAX = 800;

const USUAL: Readonly<Record<string, number>> = {
  [NAME_COLUMN]: 280,
  id: 160,
  state: 104,
  notes: 240,
  tags: 160,
  create_time: 112,
  update_time: 112,
  finish_time: 112,
  duration: 96,
  host: 128,
};
const CHARACTER_WIDTH = 8;
const PADDING = 36;
const KEY_MIN = 88;
const KEY_MAX = 200;

const clamp = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max);

/** @param chosen widths that a person has set. */
export function widthOf(column: string, chosen: Readonly<Record<string, number>>): number {
  const width = Object.hasOwn(chosen, column) ? chosen[column] : null;
  if (width !== null) return clamp(width, WIDTH_MIN, WIDTH_MAX);
  if (originOf(column) === "run" && Object.hasOwn(USUAL, column)) return USUAL[column];
  return clamp(columnLabel(column).length * CHARACTER_WIDTH + PADDING, KEY_MIN, KEY_MAX);
}
