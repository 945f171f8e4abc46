/** Colours by the values of a column: a ramp for numbers, classes for texts. */
import type { ColumnValue } from "../api/run_sets";
import { CONTEXT_COLOR, RUN_COLORS, type ThemeName } from "../chart/palette";
import { scaleColor } from "../media/color_scale";
import { axisNumber } from "./columns";
import { extentOf } from "./statistics";

export type Coloring =
  | { kind: "ramp"; min: number; max: number; colorOf: (value: ColumnValue) => string }
  | { kind: "classes"; classes: readonly { name: string; color: string }[]; colorOf: (value: ColumnValue) => string };

// The lightest colours of the scale are for areas: single marks of them could not be told from the ground.
const FIRST_SHARE = 0.35;

/** The colour of a share in 0 to 1, at least 3:1 against the ground. */
export function rampColor(theme: ThemeName, share: number): string {
  const [red, green, blue] = scaleColor(theme, FIRST_SHARE + (1 - FIRST_SHARE) * share);
  return `rgb(${red} ${green} ${blue})`;
}

/** The ramp as the background of its legend. */
export const rampGradient = (theme: ThemeName): string =>
  `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((share) => rampColor(theme, share)).join(", ")})`;

const nameOf = (value: ColumnValue) => (typeof value === "string" ? value : JSON.stringify(value));

export function coloringOf(column: string, values: readonly ColumnValue[], theme: ThemeName): Coloring {
  const numbers = values
    .filter((value) => typeof value !== "boolean")
    .map((value) => axisNumber(column, value))
    .filter((number) => !Number.isNaN(number));
  const none = CONTEXT_COLOR[theme];
  if (numbers.length > 0) {
    const [min, max] = extentOf(numbers);
    return {
      kind: "ramp",
      min,
      max,
      colorOf: (value) => {
        const number = axisNumber(column, value);
        return Number.isNaN(number) ? none : rampColor(theme, max > min ? (number - min) / (max - min) : 1);
      },
    };
  }
  const names = [...new Set(values.filter((value) => value !== null).map(nameOf))].sort();
  const colors = RUN_COLORS[theme];
  // Past the last colour, classes are grey: two of one colour would be taken for the same.
  const classes = names.map((name, place) => ({ name, color: colors[place] ?? none }));
  const byName = new Map(classes.map(({ name, color }) => [name, color]));
  return {
    kind: "classes",
    classes,
    colorOf: (value) => (value === null ? none : (byName.get(nameOf(value)) ?? none)),
  };
}
