/** Holds the colours of classes to what they are for: neighbours far apart, words on them readable, all of them clear on images. */
import { describe, expect, test } from "vitest";
import { classColor, classRgb, luminance, wordsOn } from "../src/media/class_palette";

const IDS = Array.from({ length: 256 }, (_, id) => id);

const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

describe("the colours of classes", () => {
  test("are the same for an id every time and differ between all ids of a mask", () => {
    expect(classRgb(7)).toBe(classRgb(7));
    expect(classColor(7)).toBe(`rgb(${classRgb(7).join(" ")})`);
    expect(new Set(IDS.map(classColor)).size).toBe(IDS.length);
  });

  test("of the first twenty are far from each other, of all from their neighbours", () => {
    const distance = (a: number, b: number) => Math.hypot(...classRgb(a).map((part, at) => part - classRgb(b)[at]));
    for (let a = 0; a < 20; a++) for (let b = 0; b < a; b++) expect(distance(a, b), `${a} ${b}`).toBeGreaterThan(30);
    for (const id of IDS.slice(1)) expect(distance(id, id - 1), `${id}`).toBeGreaterThan(150);
  });

  test("stand out from black and from white, and the words on them from both", () => {
    for (const id of IDS) {
      const own = luminance(classRgb(id));
      expect(contrast(own, 0), `${id} on black`).toBeGreaterThan(3);
      expect(contrast(own, 1), `${id} on white`).toBeGreaterThan(1.7);
      expect(contrast(own, wordsOn(id) === "#000000" ? 0 : 1), `words on ${id}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("exist for ids that no mask can have", () => {
    expect(classRgb(-3)).toEqual(classRgb(3));
    expect(classRgb(100_000)).toHaveLength(3);
  });
});
