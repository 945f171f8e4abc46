import { Histogram, Image, Object3D, Table, init } from "trackd";

const run = init({ project: "demo", name: "records" });

// 64 rows of 96 pixels, each red, green and blue.
const pixels = new Uint8Array(64 * 96 * 3).map((_, index) => (index * 7) % 256);
const weights = Float64Array.from({ length: 10_000 }, () => Math.random() + Math.random());
// A spiral of points (x, y, z).
const points = Float32Array.from({ length: 3 * 1000 }, (_, index) => {
  const turn = Math.floor(index / 3) / 50;
  return [Math.cos(turn), Math.sin(turn), turn / 20][index % 3]!;
});

run.log({
  sample: new Image(pixels, { shape: [64, 96, 3], caption: "a gradient" }),
  weights: new Histogram(weights, { binCount: 32 }),
  predictions: new Table(
    ["word", "count", "score"],
    [
      ["one", 1n, 0.25],
      ["two", 2n, null],
    ],
  ),
  cloud: new Object3D(points, { pointSize: 3 }),
});
await run.finish();
