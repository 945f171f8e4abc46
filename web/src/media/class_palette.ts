/**
 * The colours of classes in images, by class id: the same on every page, in every run and theme, for pixels as for boxes.
 *
 * Hues turn by the golden angle, so that ids near each other are far apart in hue, and lightness goes round five levels: hues come
 * near each other again after a Fibonacci number of turns, and none below 55 is divisible by five but five itself. Chroma is as high as sRGB allows up to a limit: what lies over a photograph must stand out from it. `test/class_palette.test.ts`
 * measures how far neighbours are apart and that the words on each colour can be read.
 */
export type Rgb = readonly [number, number, number];

// Degrees: a turn divided by the golden ratio squared, the turn that keeps any number of hues apart.
const GOLDEN_ANGLE = 137.50776405003785;
// The hue of class 0; a red, since the first classes are the ones most looked at.
const FIRST_HUE = 27;
// Of the orders tried the one that leaves the first twenty colours furthest apart; all are well clear of black.
const LIGHTNESS = [0.62, 0.8, 0.55, 0.74, 0.67];
const CHROMA_MAX = 0.22;
const CHROMA_STEP = 0.005;

const known = new Map<number, Rgb>();

/** Red, green and blue in 0 to 255. */
export function classRgb(id: number): Rgb {
  let color = known.get(id);
  if (!color) {
    const index = Math.abs(Math.trunc(id));
    color = mostVivid(LIGHTNESS[index % LIGHTNESS.length], FIRST_HUE + index * GOLDEN_ANGLE);
    known.set(id, color);
  }
  return color;
}

export const classColor = (id: number): string => `rgb(${classRgb(id).join(" ")})`;

const linear = (part: number) => (part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);

/** Relative luminance as WCAG defines it, in 0 to 1. */
export const luminance = ([red, green, blue]: Rgb): number =>
  0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);

// Where black and white stand out equally: the luminance whose contrast with both is the same.
const EVEN_LUMINANCE = Math.sqrt(1.05 * 0.05) - 0.05;

/** The colour of words on a class's colour. */
export const wordsOn = (id: number): string => (luminance(classRgb(id)) > EVEN_LUMINANCE ? "#000000" : "#ffffff");

function mostVivid(lightness: number, hue: number): Rgb {
  for (let chroma = CHROMA_MAX; chroma > 0; chroma -= CHROMA_STEP) {
    const color = fromOklch(lightness, chroma, hue);
    if (color.every((part) => part >= 0 && part <= 1)) return toBytes(color);
  }
  return toBytes(fromOklch(lightness, 0, hue));
}

const toBytes = (color: readonly number[]): Rgb => {
  const [red, green, blue] = color.map((part) => Math.round(Math.min(1, Math.max(0, part)) * 255));
  return [red, green, blue];
};

/** sRGB in 0 to 1, outside of it where the colour is not in the gamut. */
function fromOklch(lightness: number, chroma: number, hueDegrees: number): readonly number[] {
  const hue = (hueDegrees * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(encoded);
}

const encoded = (part: number) => (part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055);
