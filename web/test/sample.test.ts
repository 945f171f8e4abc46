import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Json, substitute } from "../src/plot/preset";
import { makeSample } from "../src/presets/sample";

const FOLDER = new URL("../../service/trackd_service/preset_files/", import.meta.url);

it.each(readdirSync(FOLDER))("makes rows for the built-in preset %s", (name) => {
  const specification = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Json;
  const { substitutes, rows } = makeSample(specification);
  expect(rows.length).toBeGreaterThan(2);
  expect(Object.keys(rows[0]).sort()).toEqual([...substitutes.columns].sort());
  expect(JSON.stringify(substitute(specification, substitutes))).not.toMatch(/\$\{(field|string):/);
});

it("makes rows of columns that stand there by name, and not of those a transform makes", () => {
  const { rows } = makeSample({
    transform: [{ calculate: "1", as: "made" }],
    encoding: {
      x: { field: "step", type: "quantitative" },
      y: { field: "made" },
      color: { field: "k", type: "nominal" },
    },
  });
  expect(rows.map((row) => row.k)).toEqual(["A", "B", "C"]);
  expect(Object.keys(rows[0]).sort()).toEqual(["k", "step"]);
});
