import { describe, expect, test } from "vitest";
import type { Point3, SceneBox } from "../src/api/records";
import { CATEGORY_COLORS, boundsOf, boxEdges, boxLines, makePoints, middleOf, union } from "../src/scene/geometry";
import { dataBytes, ownData } from "../src/scene/models";
import type { Npy } from "../src/scene/npy";

const array = (width: number, ...numbers: number[]): Npy => ({
  dtype: "<f8",
  shape: [numbers.length / width, width],
  data: Float64Array.from(numbers),
});

describe("points", () => {
  test("far from 0 keep their distances", () => {
    const points = array(3, 5_000_000.25, 0, 0, 5_000_001.5, 0, 0);
    const made = makePoints(points, middleOf(boundsOf(points.data, 3)), "light");
    expect(made.positions[3] - made.positions[0]).toBe(1.25);
  });

  test("that stand nowhere are left out and counted", () => {
    const points = array(3, Number.NaN, 0, 0, 1, 2, 3, 0, Infinity, 0);
    const made = makePoints(points, [0, 0, 0], "light");
    expect(made.count).toBe(1);
    expect([...made.positions]).toEqual([1, 2, 3]);
    expect(boundsOf(points.data, 3)).toEqual({ min: [1, 2, 3], max: [1, 2, 3] });
  });

  test("have fourteen colours of categories, and one for all others", () => {
    expect(new Set(CATEGORY_COLORS.dark).size).toBe(14);
    const colors = (category: number) => [...makePoints(array(4, 0, 0, 0, category), [0, 0, 0], "dark").colors!].join();
    expect(new Set([1, 2, 13, 14, 15].map(colors)).size).toBe(5);
    expect(colors(0)).toBe(colors(99));
  });

  test("take red, green and blue within their range", () => {
    const made = makePoints(array(6, 0, 0, 0, 0, 300, Number.NaN), [0, 0, 0], "light");
    expect([...made.colors!]).toEqual([0, 65_535, 0]);
  });

  test("of another shape are refused", () => {
    expect(() => makePoints(array(5, 1, 2, 3, 4, 5), [0, 0, 0], "light")).toThrow("1 × 5");
  });
});

test("bounds of nothing do not move bounds of something", () => {
  const some = boundsOf([1, 2, 3, -1, 0, 5], 3);
  expect(union([boundsOf([], 3), some])).toEqual(some);
  expect(middleOf(boundsOf([], 3))).toEqual([0, 0, 0]);
});

describe("the edges of a box", () => {
  const corners: Point3[] = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => [at & 1 ? 4 : 0, at & 2 ? 2 : 0, at & 4 ? 1 : 0]);
  const lengths = (order: readonly Point3[]) => {
    const edges = boxEdges(order);
    const found = [];
    for (let at = 0; at < edges.length; at += 2) {
      const [from, to] = [order[edges[at]], order[edges[at + 1]]];
      found.push(Math.hypot(from[0] - to[0], from[1] - to[1], from[2] - to[2]));
    }
    return found.sort();
  };

  test("are its twelve, in whatever order the corners come", () => {
    const expected = [1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4];
    expect(lengths(corners)).toEqual(expected);
    expect(lengths([...corners].reverse())).toEqual(expected);
    expect(lengths([6, 1, 4, 3, 0, 7, 2, 5].map((at) => corners[at]))).toEqual(expected);
  });

  test("are 24 ends in the scene's own place", () => {
    const box = { corners: corners.map(([x, y, z]) => [x + 1e6, y, z] as Point3) } as SceneBox;
    const lines = boxLines([box], [1e6, 0, 0]);
    expect(lines).toHaveLength(72);
    expect(Math.max(...lines)).toBe(4);
  });
});

describe("a model's references", () => {
  test("to other files are refused by name", () => {
    for (const address of ["https://example.com/a.bin", "textures/a.png", "//host/x", "file:///etc/passwd"]) {
      expect(() => ownData(address)).toThrow(address);
    }
    expect(ownData("blob:null/1")).toBe("blob:null/1");
  });

  test("to data of their own are read", () => {
    expect([...new Uint8Array(dataBytes("data:application/octet-stream;base64,AQL/"))]).toEqual([1, 2, 255]);
    expect([...new Uint8Array(dataBytes("data:,a%20b"))]).toEqual([97, 32, 98]);
  });
});
