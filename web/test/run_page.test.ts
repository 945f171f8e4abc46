import { describe, expect, test } from "vitest";
import type { RunFile, WholeRun, Writer } from "../src/api/types";
import { parseSeparated, sheetOf, sortedPlaces } from "../src/files/csv_rows";
import { isText, kindOf, mediaTypeOf } from "../src/files/file_kind";
import { jsonRows } from "../src/files/json_rows";
import { notebookText } from "../src/files/notebook";
import { makeTree, treeRows } from "../src/files/tree";
import { configRows } from "../src/run/config_tree";
import { endingOf, lastWords, linesBefore } from "../src/run/end_words";
import { glanceOf, headlines } from "../src/run/headline";
import { metricsOf } from "../src/run/tab_counts";
import { changed } from "../src/run/run_change";
import { verdictOf } from "../src/run/verdict";
import { attempts, silenceMs } from "../src/run/writer_kinds";
import { heatOf } from "../src/system/heat";
import { pointSeries } from "./helpers";

const run = (over: Partial<WholeRun>) =>
  ({
    state: "running",
    traceback: "",
    exit_code: null,
    signal: 0,
    tags: [],
    next_step: 3,
    durable_step: 3,
    ...over,
  }) as WholeRun;

describe("why a run ended", () => {
  const traceback = 'Traceback (most recent call last):\n  File "a.py", line 1\n    x()\nValueError: odd\n';

  test("is what was thrown, what ended it, or that nobody said", () => {
    expect(endingOf(run({}))).toBeNull();
    expect(endingOf(run({ state: "finished" }))).toBeNull();
    expect(endingOf(run({ state: "failed", traceback, exit_code: 1 }))).toEqual({
      sentence: "ValueError: odd",
      facts: ["exit code 1"],
      isBad: true,
    });
    expect(endingOf(run({ state: "failed", exit_code: 3 }))?.sentence).toBe("The program ended with exit code 3.");
    const killed = endingOf(run({ state: "killed", signal: 9, end_reason: "the process was killed by signal 9" }));
    expect(killed).toMatchObject({ sentence: "The process was killed by signal 9", facts: ["signal SIGKILL (9)"] });
    expect(endingOf(run({ state: "crashed" }))?.sentence).toMatch(/gone without a word/);
    expect(endingOf(run({ stalled: true }))?.sentence).toMatch(/silent for long/);
  });

  test("a stack that was taken from outside says nothing of what was thrown", () => {
    expect(lastWords({ traceback: 'Stack (most recent call first):\n  File "a.py", line 63 in <module>\n' })).toBe("");
  });

  test("the printed traceback is no last line", () => {
    const printed = ["step 1", "step 2", ...traceback.trimEnd().split("\n")];
    expect(linesBefore(printed, traceback)).toBe(2);
    expect(linesBefore([...printed, ""], traceback)).toBe(2);
    expect(linesBefore(["step 1", "ValueError: odd"], traceback)).toBe(2);
    expect(linesBefore(["step 1"], "")).toBe(1);
  });
});

test("one sentence says whether anything was lost", () => {
  const health = {
    accepted_row_count: 9,
    late_row_count: 0,
    dropped_late_row_count: 0,
    refused_count: 0,
    damaged_record_count: 0,
    message: "",
  };
  const verdict = (over: object, rest: Partial<WholeRun> = {}) =>
    verdictOf(run({ ingest_health: { ...health, ...over }, ...rest }));
  expect(verdict({})).toEqual({ sentence: "Every row that was sent is stored.", isWell: true });
  expect(verdict({ late_row_count: 2 })).toMatchObject({ isWell: true });
  expect(verdict({ refused_count: 1, damaged_record_count: 2, dropped_late_row_count: 3 })).toEqual({
    sentence:
      "Not every row that was sent is stored: 3 rows were dropped because they came late, 1 record was refused and 2 records were damaged on disk.",
    isWell: false,
  });
  expect(verdict({ message: "A disk was full." })).toEqual({ sentence: "A disk was full.", isWell: false });
  expect(verdict({}, { stalled: true }).isWell).toBe(false);
});

test("the metrics of a glance are those the run has defined, then losses and scores before rates", () => {
  const rule = { name: "mine", step_metric: null, step_sync: false, hidden: false, summary: ["max"], goal: "" };
  expect(headlines(["lr", "train/loss", "val/loss", "mine"], [rule])).toEqual(["mine", "val/loss", "train/loss", "lr"]);
});

test("a glance has the last value, the bounds of all points, and gaps where there is no value", () => {
  const glance = glanceOf(pointSeries([0, 1, 2, 3], [2, Number.NaN, 4, 1]), 30, 10)!;
  expect(glance).toMatchObject({ last: 1, min: 1, max: 4 });
  expect(glance.path).toBe("M0.0 6.7M20.0 0.0L30.0 10.0");
  expect(glanceOf(pointSeries([], []), 30, 10)).toBeNull();
});

test("a config folds by its branches, and a search keeps those with something in them", () => {
  const config = { net: { depth: 3, inner: { width: 8 } }, lr: 0.1, none: {} };
  const all = () => true;
  expect(configRows(config, new Set(), all).map(({ path }) => path)).toEqual([
    "net",
    "net.depth",
    "net.inner",
    "net.inner.width",
    "lr",
    "none",
  ]);
  expect(configRows(config, new Set(["net"]), all)[0]).toMatchObject({ path: "net", countBelow: 2 });
  expect(configRows(config, new Set(["net"]), all).map(({ path }) => path)).toEqual(["net", "lr", "none"]);
  expect(configRows(config, new Set(), (path) => path.includes("width")).map(({ path }) => path)).toEqual([
    "net",
    "net.inner",
    "net.inner.width",
  ]);
});

test("records stand in the part of the page they belong to", () => {
  const medium = (kind: "image" | "table" | "histogram" | "plot") => ({ key: kind, kind, runCount: 1, otherKinds: [] });
  const metrics = {
    drawn: [{ key: "loss", stepMetric: "", otherKinds: [] }],
    media: [medium("image"), medium("table"), medium("histogram"), medium("plot")],
    undrawnCount: 1,
  };
  const keys = (tab: "charts" | "media" | "tables") => metricsOf(metrics, tab).media.map(({ key }) => key);
  expect([keys("charts"), keys("media"), keys("tables")]).toEqual([["histogram"], ["image"], ["table", "plot"]]);
  expect(metricsOf(metrics, "media")).toMatchObject({ drawn: [], undrawnCount: 0 });
});

test("a change of a run is seen before the daemon has taken it", () => {
  const before = run({ tags: ["a", "b"], notes: "old", name: "n" });
  expect(changed(before, { add_tags: ["c", "a"], remove_tags: ["b"] }).tags).toEqual(["a", "c"]);
  expect(changed(before, { notes: "" })).toMatchObject({ notes: "", tags: ["a", "b"], name: "n" });
});

test("attempts follow each other, and only an open writer is silent", () => {
  const writer = (over: Partial<Writer>) =>
    ({ role: "primary", open: false, update_time_unix_ms: 1, ...over }) as Writer;
  expect(attempts([writer({}), writer({ role: "observer" }), writer({ role: "shared" }), writer({})])).toHaveLength(2);
  expect(silenceMs(writer({ open: true }), 120_001)).toBe(120_000);
  expect(silenceMs(writer({ open: true }), 5_000)).toBeNull();
  expect(silenceMs(writer({}), 120_001)).toBeNull();
});

describe("files", () => {
  const file = (path: string, size = 1): RunFile => ({ path, size_bytes: size, sha256: "", purpose: "" });

  test("are a tree whose folders know what is in them", () => {
    const tree = makeTree([file("b/item10", 5), file("b/item9", 2), file("a/c/d", 3), file("top")]);
    expect(tree).toMatchObject({ countOfFiles: 4, sizeBytes: 11 });
    const rows = treeRows(tree, new Set(["a"]), false);
    expect(rows.map(({ path, depth }) => `${depth} ${path}`)).toEqual([
      "0 a",
      "0 b",
      "1 b/item9",
      "1 b/item10",
      "0 top",
    ]);
    expect(rows[1]).toMatchObject({ sizeBytes: 7, folder: { isOpen: true, countOfFiles: 2 } });
    expect(treeRows(tree, new Set(["a"]), true)).toHaveLength(7);
  });

  test("a large tree begins folded", () => {
    const tree = makeTree(Array.from({ length: 10_000 }, (_, index) => file(`part${index % 20}/${index}`)));
    expect(treeRows(tree, new Set(), false)).toHaveLength(20);
    expect(treeRows(tree, new Set(["part3"]), false)).toHaveLength(520);
  });

  test("are told apart by their names, and texts by their bytes", () => {
    const names = ["a.py", "a.JSON", "a/b.tsv", "x.patch", "p.png", "Dockerfile", "weights.pt"];
    expect(names.map(kindOf)).toEqual(["text", "json", "sheet", "diff", "image", "text", "unknown"]);
    expect(mediaTypeOf("a.svg")).toBe("image/svg+xml");
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(isText(bytes("läuft\n\x1b[31mred"))).toBe(true);
    expect(isText(bytes("a\0b"))).toBe(false);
    expect(isText(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0x10, 0x4a, 0x46]))).toBe(false);
  });

  test("separated values may be quoted, and a column of numbers is ordered as such", () => {
    const rows = parseSeparated('name,value\r\n"a, ""b""\nc",10\nd,9\n\ne,\n', ",");
    expect(rows).toEqual([
      ["name", "value"],
      ['a, "b"\nc', "10"],
      ["d", "9"],
      ["e", ""],
    ]);
    const sheet = sheetOf(rows);
    expect(sheet.columns.map(({ type }) => type)).toEqual(["text", "number"]);
    expect(sortedPlaces(sheet, { column: 1, descending: false })).toEqual([1, 0, 2]);
    expect(sortedPlaces(sheet, { column: 1, descending: true })).toEqual([0, 1, 2]);
    expect(sheetOf([]).columns).toEqual([]);
  });

  test("JSON folds, a notebook is its cells", () => {
    const value = { a: { b: { c: [1, 2] } }, "x/y": null };
    expect(jsonRows(value, new Set()).map(({ path, text }) => `${path} ${text}`)).toEqual([
      " {2}",
      "/a {1}",
      "/a/b {1}",
      "/x~1y null",
    ]);
    expect(jsonRows(value, new Set(["/a/b", "/a/b/c"])).map(({ path }) => path)).toContain("/a/b/c/1");
    const cells = [
      { cell_type: "markdown", source: ["# A\n", "b"] },
      { cell_type: "code", execution_count: 2, source: "1 + 1", outputs: [{ data: { "text/plain": ["2"] } }] },
    ];
    expect(notebookText(JSON.stringify({ cells }))).toBe("# A\nb\n\nIn [2]:\n1 + 1\nOut:\n2");
    expect(notebookText("[]")).toBeNull();
    expect(notebookText("{")).toBeNull();
  });
});

test("a heat map shows the busiest sample of each stretch and holds it until the next", () => {
  const heat = heatOf([pointSeries([0, 5, 9, 10], [0.1, 0.5, 0.9, 0.2]), undefined, pointSeries([0], [1])], 5)!;
  expect([heat.from, heat.to]).toEqual([0, 10]);
  const rows = [0, 1, 2].map((row) =>
    [...heat.shares.subarray(row * 5, row * 5 + 5)].map((share) => Math.round(share * 10)),
  );
  expect(rows).toEqual([
    [1, 1, 5, 5, 9],
    [NaN, NaN, NaN, NaN, NaN],
    [10, NaN, NaN, NaN, NaN],
  ]);
  expect(heatOf([undefined], 5)).toBeNull();
});
