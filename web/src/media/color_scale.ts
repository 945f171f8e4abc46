/**
 * The sequential colours of heat maps: from near the page's ground to what stands out most from it, in either theme.
 *
 * The lightness moves in one direction only, so that the order of values can be seen without any sense of hue.
 */
import type { ThemeName } from "../chart/palette";
import type { Rgb } from "./class_palette";

const STOPS: Record<ThemeName, readonly Rgb[]> = {
  light: [
    [219, 233, 247],
    [143, 190, 222],
    [62, 132, 189],
    [24, 74, 140],
    [9, 24, 66],
  ],
  dark: [
    [30, 45, 78],
    [38, 88, 140],
    [52, 145, 174],
    [130, 202, 178],
    [246, 246, 190],
  ],
};

/** The colour of a share in 0 to 1. */
export function scaleColor(theme: ThemeName, share: number): Rgb {
  const stops = STOPS[theme];
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [stops[index], stops[index + 1]];
  const mixed = from.map((part, at) => Math.round(part + (to[at] - part) * (place - index)));
  return [mixed[0], mixed[1], mixed[2]];
}

/** How far along the scale a count stands when `most` is the greatest: 0 for nothing, above 0 for anything. */
export function scaleShare(count: number, most: number, isLog: boolean): number {
  if (!(count > 0) || !(most > 0)) return 0;
  return isLog ? Math.log1p(count) / Math.log1p(most) : count / most;
}
