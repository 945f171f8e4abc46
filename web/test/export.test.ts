import { describe, expect, it } from "vitest";
import type { RunsAnswer } from "../src/api/run_sets";
import { decodeSeries } from "../src/api/series";
import { Archive, type Place } from "../src/export/archive";
import { seriesName } from "../src/export/names";
import { answerConsole } from "../src/export/run_parts";
import { answerRuns, NotInFile } from "../src/export/run_rows";
import { lastSaid, say } from "../src/export/said";
import { answerSeries } from "../src/export/series_answers";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const floats = (...values: number[]) => new Uint8Array(Float64Array.from(values).buffer);

/** A file with one line of four buckets, smoothed in one way. */
function makeArchive(): Archive {
  const pieces = [floats(0, 10, 20, 30), floats(9, 19, 29, 39), floats(1, 2, 3, 4), floats(1, 1.5, 2, 2.5)];
  const place = (index: number): Place => [0, index * 32, 32];
  const header = {
    kind: "number",
    mode: "buckets",
    count: 4,
    total_count: 40,
    points_per_bucket: 10,
    x_base: "100",
    revision: 1,
  };
  const columns = {
    x_first: { type: "float64", place: place(0) },
    x_last: { type: "float64", place: place(1) },
    last: { type: "float64", place: place(2) },
  };
  const name = seriesName({ run: "r", key: "loss" }, "step");
  const list = new TextEncoder().encode(JSON.stringify([{ name, header, columns, smoothed: { "ema:0.5": place(3) } }]));
  const texts: Record<string, string> = {
    "trackd-index": JSON.stringify({ answers: {}, series: [1, 0, list.length] }),
    "trackd-part-0": `i${base64(Buffer.concat(pieces))}`,
    "trackd-part-1": `i${base64(list)}`,
  };
  return new Archive((id) => texts[id]);
}

const question = (over: object) =>
  JSON.stringify({ x: "step", series: [{ project: "p", run: "r", key: "loss" }], ...over });

describe("lines in a file", () => {
  it("are answered whole, as they were recorded", async () => {
    const [series] = decodeSeries(await answerSeries(makeArchive(), question({ buckets: 100 })));
    expect(series).toMatchObject({ run: "r", key: "loss", mode: "buckets", count: 4, totalCount: 40, xBase: "100" });
    expect([...series.columns.last]).toEqual([1, 2, 3, 4]);
    expect(series.columns.smoothed).toBeUndefined();
  });

  it("are cut to the buckets that a zoom touches, and say that they are no finer", async () => {
    say("");
    const [series] = decodeSeries(await answerSeries(makeArchive(), question({ min_x: 115, max_x: 121 })));
    expect([...series.columns.last]).toEqual([2, 3]);
    expect(series.totalCount).toBe(20);
    expect(lastSaid()).toContain("zoom in further");
  });

  it("are smoothed as recorded; another smoothing is said, not made up", async () => {
    say("");
    const asked = (amount: number) => question({ smoothing: { kind: "ema", amount } });
    const [smoothed] = decodeSeries(await answerSeries(makeArchive(), asked(0.5)));
    expect([...smoothed.columns.smoothed]).toEqual([1, 1.5, 2, 2.5]);
    expect(lastSaid()).toBe("");
    const [raw] = decodeSeries(await answerSeries(makeArchive(), asked(0.9)));
    expect(raw.columns.smoothed).toBeUndefined();
    expect(lastSaid()).toContain("smoothed by ema 0.5");
  });

  it("that are not there are empty, and said", async () => {
    say("");
    const body = JSON.stringify({ x: "wall_time", series: [{ project: "p", run: "r", key: "loss" }] });
    const [series] = decodeSeries(await answerSeries(makeArchive(), body));
    expect(series.count).toBe(0);
    expect(lastSaid()).toContain("not in this file");
  });
});

describe("runs in a file", () => {
  const run = (id: string, state: string) => ({ run_id: id, name: `name ${id}`, state, archived: false });
  const table = {
    total_count: 3,
    project_run_count: 7,
    revision: 1,
    run_ids: ["c", "b", "a"],
    runs: [run("c", "running"), run("b", "finished"), run("a", "finished")],
    columns: [
      { name: "config.lr", values: [0.1, null, 0.01] },
      { name: "group", values: ["x", "y", "x"] },
    ],
    groups: [],
  } as unknown as RunsAnswer;
  const exported = { filter: "acc > 0.9", search: "" };

  it("are ordered with missing values last, either way", () => {
    const order = (descending: boolean) =>
      answerRuns(table, { sort: [{ column: "config.lr", descending }] }, exported).run_ids;
    expect(order(false)).toEqual(["a", "c", "b"]);
    expect(order(true)).toEqual(["c", "a", "b"]);
  });

  it("are grouped, with what a group sums up to", () => {
    const { groups, run_ids } = answerRuns(table, { group_by: ["group"], aggregates: ["config.lr"] }, exported);
    expect(run_ids).toEqual(["c", "a", "b"]);
    expect(groups[0]).toMatchObject({ values: ["x"], first: 0, count: 2, running_count: 1, run_ids: ["c", "a"] });
    expect(groups[0].aggregates[0]).toMatchObject({ count: 2, min: 0.01, max: 0.1 });
    expect(groups[1]).toMatchObject({ values: ["y"], first: 2, count: 1, aggregates: [] });
  });

  it("are found by the filter of the view and by their ids; another filter is refused in words", () => {
    expect(answerRuns(table, { filter: "acc > 0.9" }, exported).total_count).toBe(3);
    expect(answerRuns(table, { filter: 'id in ("a", "c")' }, exported).run_ids).toEqual(["c", "a"]);
    expect(() => answerRuns(table, { filter: "acc > 0.5" }, exported)).toThrow(NotInFile);
  });
});

it("a console whose first lines are missing says so line by line", () => {
  const kept = {
    writer_id: "w",
    line_count: 4,
    next_line: null,
    lines: [
      [2, "stdout", 0, "c"],
      [3, "stdout", 0, "d"],
    ],
  };
  const page = answerConsole(kept as never, new URLSearchParams({ first_line: "1", limit: "2" }));
  expect(page.lines.map(([number, , , text]) => [number, text])).toEqual([
    [1, "(this line is not in the file)"],
    [2, "c"],
  ]);
  expect(answerConsole(kept as never, new URLSearchParams({ pattern: "(?i)D" })).lines).toHaveLength(1);
});
