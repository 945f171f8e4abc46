/**
 * The colours of a console on the page's two grounds.
 *
 * Invariant: text stands out from what is behind it by at least 4.5:1, whatever colours a run asks for. A colour that would not is
 * moved toward white or black, whichever is nearer to being readable, and keeps its hue.
 */
import { CHART_THEME, type ThemeName } from "../chart/palette";
import type { AnsiColor, AnsiStyle } from "./ansi";

type Rgb = readonly [red: number, green: number, blue: number];

// The sixteen named ones, darker on the light ground; held to their contrast like all others.
const NAMED: Record<ThemeName, readonly number[]> = {
  light: [
    0x16181d, 0xb3261e, 0x0b7438, 0x8a5300, 0x1d5fd1, 0x9b2393, 0x0b6f80, 0x565d69, 0x6b7280, 0xd0342b, 0x117f43,
    0x9a6700, 0x3b76e0, 0xb136a8, 0x11788a, 0x3a404a,
  ],
  dark: [
    0x7d8592, 0xff8a80, 0x4fc98a, 0xe5b454, 0x7eaaff, 0xe59bf0, 0x5ccfe0, 0xd6dae1, 0x969eab, 0xffa49c, 0x77dba6,
    0xf3cd80, 0xa3c3ff, 0xf0baf7, 0x86dfec, 0xffffff,
  ],
};

// Behind text they are what terminals show; the text is held to them.
const NAMED_BACKGROUNDS: readonly number[] = [
  0x1e1e1e, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xd4d4d4, 0x666666, 0xf14c4c, 0x23d18b,
  0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
];

const CUBE_STEPS = [0, 95, 135, 175, 215, 255];
const CONTRAST_MIN = 4.5;

const fromNumber = (rgb: number): Rgb => [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255];
const fromHex = (hex: string): Rgb => fromNumber(Number.parseInt(hex.slice(1), 16));

/** A colour as it was asked for. */
export function rgbOf(color: AnsiColor, named: readonly number[]): Rgb {
  if ("rgb" in color) return fromNumber(color.rgb);
  const { index } = color;
  if (index < 16) return fromNumber(named[index]);
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const place = index - 16;
  return [CUBE_STEPS[Math.floor(place / 36)], CUBE_STEPS[Math.floor(place / 6) % 6], CUBE_STEPS[place % 6]];
}

function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** How far two colours stand out from each other, 1 to 21 (WCAG). */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((one, other) => other - one);
  return (high + 0.05) / (low + 0.05);
}

const mixed = (a: Rgb, b: Rgb, share: number): Rgb => [
  Math.round(a[0] + (b[0] - a[0]) * share),
  Math.round(a[1] + (b[1] - a[1]) * share),
  Math.round(a[2] + (b[2] - a[2]) * share),
];

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

/** The colour, or the nearest between it and black or white that can be read on the ground. */
export function readable(color: Rgb, ground: Rgb): Rgb {
  if (contrast(color, ground) >= CONTRAST_MIN) return color;
  const goal = contrast(WHITE, ground) > contrast(BLACK, ground) ? WHITE : BLACK;
  for (let share = 0.1; share < 1; share += 0.1) {
    const nearer = mixed(color, goal, share);
    if (contrast(nearer, ground) >= CONTRAST_MIN) return nearer;
  }
  return goal;
}

const css = ([red, green, blue]: Rgb) => `rgb(${red} ${green} ${blue})`;

export interface SpanColors {
  color?: string;
  background?: string;
}

const known = new Map<string, SpanColors>();

/** The colours of a piece of text; empty where they are the page's own. */
export function colorsOf(style: AnsiStyle, theme: ThemeName): SpanColors {
  const { color, background, isInverse, isDim } = style;
  if (!color && !background && !isInverse && !isDim) return {};
  const key = JSON.stringify([theme, color, background, isInverse, isDim]);
  let found = known.get(key);
  if (!found) {
    // True colours come by the million: what is kept must not.
    if (known.size > 4096) known.clear();
    found = worked(style, theme);
    known.set(key, found);
  }
  return found;
}

function worked({ color, background, isInverse, isDim }: AnsiStyle, theme: ThemeName): SpanColors {
  const page = { ink: fromHex(CHART_THEME[theme].ink), ground: fromHex(CHART_THEME[theme].ground) };
  let front = color ? rgbOf(color, NAMED[theme]) : page.ink;
  let behind = background ? rgbOf(background, NAMED_BACKGROUNDS) : page.ground;
  if (isInverse) [front, behind] = [behind, front];
  if (isDim) front = mixed(front, behind, 0.35);
  const found: SpanColors = { color: css(readable(front, behind)) };
  if (background || isInverse) found.background = css(behind);
  return found;
}
