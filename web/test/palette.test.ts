/** Holds the palette to what it was chosen for: contrast with the ground, and colours that differ under four kinds of vision. */
import { describe, expect, test } from "vitest";
import { CHART_THEME, CONTEXT_COLOR, RUN_COLORS } from "../src/chart/palette";

type Vector = [number, number, number];
type Matrix = [Vector, Vector, Vector];

// Machado, Oliveira, Fernandes 2009, severity 1, over linear sRGB.
const VISIONS: Record<string, Matrix> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
const TO_LMS: Matrix = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const TO_OKLAB: Matrix = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];

const times = (matrix: Matrix, v: Vector): Vector =>
  matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as Vector;

const linear = (hex: string): Vector =>
  [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Vector;

const luminance = (hex: string) => {
  const [r, g, b] = linear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const contrast = (a: string, b: string) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

const seen = (hex: string, vision: Matrix): Vector => {
  const clipped = times(vision, linear(hex)).map((c) => Math.min(1, Math.max(0, c))) as Vector;
  return times(TO_OKLAB, times(TO_LMS, clipped).map(Math.cbrt) as Vector);
};

describe.each(["light", "dark"] as const)("the %s palette", (theme) => {
  const colors = RUN_COLORS[theme];

  test("stands out from its ground", () => {
    for (const color of [...colors, CONTEXT_COLOR[theme]]) {
      expect(contrast(color, CHART_THEME[theme].ground), color).toBeGreaterThanOrEqual(3);
    }
    expect(contrast(CHART_THEME[theme].muted, CHART_THEME[theme].ground)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(Object.entries(VISIONS))("has no two colours alike to %s eyes", (_, vision) => {
    const places = colors.map((color) => seen(color, vision));
    for (let i = 0; i < places.length; i++) {
      for (let j = 0; j < i; j++) {
        expect(
          Math.hypot(...places[i].map((c, k) => c - places[j][k])) * 100,
          `${colors[i]} ${colors[j]}`,
        ).toBeGreaterThan(10);
      }
    }
  });
});
