import { describe, expect, test } from "vitest";
import { isolate, isolated } from "../src/format/isolated";

const HEBREW = "\u05e8\u05d9\u05e6\u05d4 12!";

/** How deep in isolates a text is at its end, and whether it ended one that it had not begun. */
function depthOf(text: string): { depth: number; isBroken: boolean } {
  let depth = 0;
  let isBroken = false;
  for (const character of text) {
    if (character >= "\u2066" && character <= "\u2068") depth++;
    if (character === "\u2069" && --depth < 0) isBroken = true;
  }
  return { depth, isBroken };
}

describe("names in texts without elements", () => {
  test("that are written from right to left stand for themselves, and others as they are", () => {
    expect(isolated`Show ${HEBREW} in ${3} charts`).toBe(`Show \u2068${HEBREW}\u2069 in 3 charts`);
    expect(isolated`Show ${"run 12 – né ☃ 实验"} in the charts`).toBe("Show run 12 – né ☃ 实验 in the charts");
    for (const turning of ["\u0645\u0631\u062d\u0628\u0627", "\u{1e900}", "\ufb1d", "a\u200fb", "a\u202eb"]) {
      expect(isolate(turning)).toBe(`\u2068${turning}\u2069`);
    }
  });

  test("end what they begin and begin what they end, with no character lost", () => {
    for (const name of ["\u2069\u2069a", "\u2066a", "a\u2069b\u2067c", "\u2066a\u2069", HEBREW]) {
      expect(depthOf(isolate(name))).toEqual({ depth: 0, isBroken: false });
      expect(isolate(name)).toContain(name);
      expect(depthOf(isolated`a ${isolate(name)} b`)).toEqual({ depth: 0, isBroken: false });
    }
  });
});
