import { describe, expect, test } from "vitest";
import type { Point3, SceneBox } from "../src/api/records";
import { CameraLink, isSamePlace, shotIn } from "../src/scene/camera_link";
import {
  CATEGORY_COLORS,
  boundsOf,
  boxEdges,
  boxLines,
  heightRange,
  makePoints,
  middleOf,
  spreadStride,
  union,
} from "../src/scene/geometry";
import { dataBytes, ownData } from "../src/scene/models";
import { Pace } from "../src/scene/pace";
import type { Npy } from "../src/scene/npy";

const array = (width: number, ...numbers: number[]): Npy => ({
  dtype: "<f8",
  shape: [numbers.length / width, width],
  data: Float64Array.from(numbers),
});

describe("points", () => {
  test("far from 0 keep their distances", () => {
    const points = array(3, 5_000_000.25, 0, 0, 5_000_001.5, 0, 0);
    const made = makePoints(points, middleOf(boundsOf(points.data, 3)), "light", null);
    expect(made.positions[3] - made.positions[0]).toBe(1.25);
  });

  test("that stand nowhere are left out and counted", () => {
    const points = array(3, Number.NaN, 0, 0, 1, 2, 3, 0, Infinity, 0);
    const made = makePoints(points, [0, 0, 0], "light", null);
    expect(made.count).toBe(1);
    expect([...made.positions]).toEqual([1, 2, 3]);
    expect(boundsOf(points.data, 3)).toEqual({ min: [1, 2, 3], max: [1, 2, 3] });
  });

  test("have fourteen colours of categories, and one for all others", () => {
    expect(new Set(CATEGORY_COLORS.dark).size).toBe(14);
    const colors = (category: number) =>
      [...makePoints(array(4, 0, 0, 0, category), [0, 0, 0], "dark", null).colors!].join();
    expect(new Set([1, 2, 13, 14, 15].map(colors)).size).toBe(5);
    expect(colors(0)).toBe(colors(99));
  });

  test("take red, green and blue within their range", () => {
    const made = makePoints(array(6, 0, 0, 0, 0, 300, Number.NaN), [0, 0, 0], "light", null);
    expect([...made.colors!]).toEqual([0, 65_535, 0]);
  });

  test("of another shape are refused", () => {
    expect(() => makePoints(array(5, 1, 2, 3, 4, 5), [0, 0, 0], "light", null)).toThrow("1 × 5");
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

describe("linked cameras", () => {
  const ball = (x: number, radius: number) => ({ center: [x, 0, 0] as Point3, radius });
  const shot = { position: [0, 0, 4] as Point3, target: [0, 0, 0] as Point3, scene: ball(0, 1) };

  test("stand at the same coordinates in scenes at one place, and else see them from the same side", () => {
    expect(shotIn(ball(0.5, 1.5), shot)).toMatchObject({ position: [0, 0, 4], target: [0, 0, 0] });
    expect(shotIn(ball(100, 10), shot)).toMatchObject({ position: [100, 0, 40], target: [100, 0, 0] });
    expect(isSamePlace(ball(0, 1), ball(0, 4))).toBe(false);
  });

  const cameraOf = (name: string, said: string[]) => ({
    moveTo: () => said.push(`${name} moved`),
    resetView: () => said.push(`${name} reset`),
  });

  test("move as one, those that come later too, until one leaves or all are reset", () => {
    const link = new CameraLink("card one");
    const said: string[] = [];
    const [first, second, third, apart] = ["first", "second", "third", "apart"].map((name) => cameraOf(name, said));
    link.join(first);
    const leave = link.join(second);
    expect(said).toEqual([]);
    link.moved(first, shot);
    link.join(third);
    expect(said.splice(0)).toEqual(["second moved", "third moved"]);
    leave();
    // One that has not joined can say where to look from; full screen begins there too.
    link.moved(apart, shot);
    new CameraLink("card one").join(second);
    expect(said.splice(0)).toEqual(["first moved", "third moved", "second moved"]);
    link.resetViews();
    link.join(second);
    new CameraLink("card one").join(second);
    new CameraLink("card two").join(second);
    expect(said).toEqual(["first reset", "third reset"]);
  });

  test("know how many scenes there are, linked or not", () => {
    const link = new CameraLink("counted");
    const counts: number[] = [];
    const end = link.subscribe(() => counts.push(link.countOfScenes()));
    const leave = link.addScene();
    link.addScene();
    leave();
    end();
    link.addScene();
    expect(counts).toEqual([1, 2, 1]);
  });
});

describe("many points", () => {
  test("come in an order of which any part is spread over all, each once", () => {
    const total = 12_000;
    const stride = spreadStride(total);
    const order = Array.from({ length: total }, (_, at) => (at * stride) % total);
    expect(new Set(order).size).toBe(total);
    const first = order.slice(0, 100).sort((a, b) => a - b);
    const gaps = first.slice(1).map((one, at) => one - first[at]);
    expect(Math.max(...gaps)).toBeLessThan(3 * (total / 100));
    expect(spreadStride(100)).toBe(1);
    const heights = array(3, ...Array.from({ length: total }, (_, at) => [at, 0, 0]).flat());
    const { positions, count } = makePoints(heights, [0, 0, 0], "light", null);
    expect(count).toBe(total);
    expect([...positions.slice(0, 6)]).toEqual([0, 0, 0, stride, 0, 0]);
  });

  test("are drawn in parts that take about a frame", () => {
    const pace = new Pace();
    const first = pace.pointMax;
    pace.took(first / 2, 16);
    expect(pace.pointMax).toBe(first);
    for (let frame = 0; frame < 12; frame++) pace.took(pace.pointMax, 16);
    expect(pace.pointMax).toBeGreaterThan(1_000_000);
    pace.took(1_000_000, 2000);
    expect(pace.pointMax).toBe(11_000);
    pace.took(11_000, 33);
    expect(pace.pointMax).toBe(11_000);
    pace.took(11_000, 1e6);
    expect(pace.pointMax).toBe(5_000);
  });
});

describe("colours by height", () => {
  test("reach over nearly all points, whatever a stray one does", () => {
    const heights = Array.from({ length: 100 }, (_, at) => [0, 0, at === 99 ? 1e6 : at]).flat();
    const { low, high } = heightRange(heights, 3, 2);
    expect([low, high]).toEqual([2, 97]);
    const { colors } = makePoints(array(3, ...heights), [0, 0, 0], "dark", 2);
    const colorOf = (row: number) => colors!.slice(row * 3, row * 3 + 3).join();
    expect(new Set([2, 50, 97].map(colorOf)).size).toBe(3);
    expect(colorOf(99)).toBe(colorOf(97));
  });
});
