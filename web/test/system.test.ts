import { describe, expect, test } from "vitest";
import { makeFrame } from "../src/chart/frame";
import { measureTicks } from "../src/chart/ticks";
import { formatMeasure, type Measure } from "../src/format/measure";
import { makeModel } from "../src/panel/make_model";
import { systemCharts } from "../src/system/charts";
import { parseSystemName } from "../src/system/names";
import { whyNothing } from "../src/system/nothing";
import { hostTiles, ofLimit } from "../src/system/host_tiles";
import { DEFAULT_VIEW } from "../src/url/view_state";
import { pointSeries } from "./helpers";

const GIB = 2 ** 30;

test.each<[number, Measure, string]>([
  [0.974, "share", "97 %"],
  [0.0312, "share", "3.12 %"],
  [1, "share", "100 %"],
  [34.25 * GIB, "bytes", "34.3 GiB"],
  [1023.9, "bytes", "1 KiB"],
  [0, "bytes", "0 B"],
  [1536, "byte_rate", "1.5 KiB/s"],
  [1.41e9, "hertz", "1.41 GHz"],
  [61.4, "celsius", "61 °C"],
  [311.7, "watt", "312 W"],
  [3.14159, "cores", "3.14"],
  [1234, "count", "1,234"],
  [1, "flag", "yes"],
  [Number.NaN, "share", "NaN"],
])("%d as %s is %s", (value, measure, words) => {
  expect(formatMeasure(value, measure)).toBe(words);
});

test("ticks are round in the unit they are written in", () => {
  expect(measureTicks(0, 1, 5, "share").map(({ label }) => label)).toEqual([
    "0",
    "20 %",
    "40 %",
    "60 %",
    "80 %",
    "100 %",
  ]);
  const bytes = measureTicks(0, 64 * GIB, 4, "bytes");
  expect(bytes.map(({ label }) => label)).toEqual(["0", "20 GiB", "40 GiB", "60 GiB"]);
  expect(bytes[1].value).toBe(20 * GIB);
});

test("shares fill a chart from 0 to 1, and a value beyond widens it", () => {
  const frameOf = (values: number[]) => {
    const held = new Map([["a", pointSeries([0, 1, 2], values)]]);
    const style = { color: "#000", dash: [] };
    const lines = [{ id: "a", style, isContext: false, emphasis: "normal" as const }];
    const model = makeModel(lines, held, "relative_time", DEFAULT_VIEW, "light");
    const { y } = makeFrame({ ...model, measure: "share", yBounds: { min: 0, max: 1 } }, 400, 200);
    return [y.min, y.max];
  };
  expect(frameOf([0.2, 0.4, 0.3])).toEqual([0, 1]);
  expect(frameOf([0.5, 0.5, 0.5])).toEqual([0, 1]);
  expect(frameOf([0.2, 1.5, 0.3])[1]).toBeGreaterThan(1.5);
});

describe("measured values", () => {
  test("are told apart by host, name and instance; a mount point keeps its slashes", () => {
    expect(parseSystemName("_system/node7/system.cpu.utilization")).toMatchObject({
      host: "node7",
      name: "system.cpu.utilization",
      instance: "",
    });
    expect(parseSystemName("_system/n/system.filesystem.usage//data/x")).toMatchObject({ instance: "/data/x" });
    expect(parseSystemName("_system/n/system.filesystem.usage//")).toMatchObject({ instance: "/" });
    expect(parseSystemName("loss")).toBeNull();
  });

  test("are sorted into sections and charts, instances in the order of their numbers", () => {
    const names = [
      "hw.gpu.utilization/10",
      "hw.gpu.utilization/2",
      "hw.gpu.memory.limit/2",
      "system.cpu.utilization",
      "system.cpu.utilization/0",
      "system.disk.io.read_rate",
      "system.disk.io.write_rate",
      "process.brand.new",
    ];
    const sections = systemCharts(names.map((name) => `_system/node7/${name}`));
    expect(sections.map(({ name, charts }) => [name, charts.map(({ title }) => title)])).toEqual([
      ["GPU", ["GPU utilization"]],
      ["CPU", ["CPU utilization", "CPU utilization, each core"]],
      ["Disk", ["Disk throughput"]],
      ["Process", ["process.brand.new"]],
    ]);
    expect(sections[0].charts[0].lines.map(({ label }) => label)).toEqual(["GPU 2", "GPU 10"]);
    expect(sections[2].charts[0].lines.map(({ label }) => label)).toEqual(["read", "written"]);
  });

  test("of several hosts are lines that name them", () => {
    const [{ charts }] = systemCharts(["_system/b/system.cpu.utilization", "_system/a/system.cpu.utilization"]);
    expect(charts[0].lines.map(({ label }) => label)).toEqual(["a", "b"]);
  });
});

test("tiles say the last values of each host", () => {
  const tiles = hostTiles({
    node7: {
      "hw.gpu.utilization/0": 0.97,
      "hw.gpu.memory.usage/0": 62 * GIB,
      "hw.gpu.memory.limit/0": 80 * GIB,
      "hw.gpu.power/0": 383,
      "hw.gpu.power.limit/0": 700,
      "system.cpu.utilization": "NaN",
      "system.cpu.load_average.1m": 2,
    },
    empty: {},
  });
  expect(tiles).toHaveLength(1);
  expect(tiles[0].tiles.map(({ title, value, details }) => [title, value, details])).toEqual([
    ["GPU 0", "97 %", ["62 of 80 GiB", "383 of 700 W"]],
    ["CPU", "–", ["load 2"]],
  ]);
  expect(ofLimit(512 * 2 ** 20, 80 * GIB, "bytes")).toBe("512 MiB of 80 GiB");
});

test("why nothing was measured follows from how long the run went", () => {
  const run = (state: "running" | "finished", finish: number | null) => ({
    state,
    create_time_unix_ms: 0,
    finish_time_unix_ms: finish,
  });
  expect(whyNothing(run("running", null), 1_000)).toBe("waiting");
  expect(whyNothing(run("running", null), 60_000)).toBe("off");
  expect(whyNothing(run("finished", 1_500), 90_000)).toBe("short");
  expect(whyNothing(run("finished", 60_000), 90_000)).toBe("off");
});
