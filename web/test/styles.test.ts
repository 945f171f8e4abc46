import { describe, expect, test } from "vitest";
import { assignSlots, DISTINCT_MAX, styleOf } from "../src/chart/styles";

const ids = (count: number) => Array.from({ length: count }, (_, index) => `r${index}`);

describe("looks of runs", () => {
  test("all differ while there are any left, and are grey past that", () => {
    const slots = assignSlots(ids(DISTINCT_MAX + 5), new Map());
    const looks = ids(DISTINCT_MAX).map((id) => JSON.stringify(styleOf(slots.get(id), "light")));
    expect(new Set(looks).size).toBe(DISTINCT_MAX);
    expect(slots.has(`r${DISTINCT_MAX}`)).toBe(false);
  });

  test("are not found where a run has the name of something that every object has", () => {
    const slots = assignSlots(["constructor", "__proto__"], new Map(), {});
    expect([...slots.values()]).toEqual([0, 1]);
  });

  test("stay while a run stays visible", () => {
    const before = assignSlots(["a", "b", "c"], new Map());
    const after = assignSlots(["new", "c", "b"], before);
    expect(after.get("b")).toBe(before.get("b"));
    expect(after.get("c")).toBe(before.get("c"));
    expect(after.get("new")).toBe(before.get("a"));
    expect(assignSlots(["b", "a", "c"], before)).toBe(before);
  });

  test("are those a person chose, and others make room", () => {
    const before = assignSlots(["a", "b", "c"], new Map());
    const after = assignSlots(["a", "b", "c"], before, { c: 0 });
    expect(after.get("c")).toBe(0);
    expect(after.get("b")).toBe(before.get("b"));
    expect(new Set(after.values()).size).toBe(3);
    expect(assignSlots(["a", "b", "c"], after, { c: 0 })).toBe(after);
  });
});
