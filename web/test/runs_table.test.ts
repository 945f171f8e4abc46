import { describe, expect, test, vi } from "vitest";
import type { ColumnInfo, RunGroup, RunsAnswer } from "../src/api/run_sets";
import type { Run } from "../src/api/types";
import { cellLabel, cellText, decimalsOf, tsvLine } from "../src/runs/cell_text";
import { columnLabel, defaultColumns, movedColumn, nextOrder } from "../src/runs/column_names";
import { inverseEdits } from "../src/runs/edits";
import { placeAt, writtenName, writtenValue } from "../src/runs/filter_words";
import { foldName, layOut, runsBetween } from "../src/runs/group_rows";
import { addAnswer, NOTHING_KNOWN } from "../src/runs/known_rows";
import { inParts, theseRuns, withoutRuns } from "../src/runs/question";
import { windowOf } from "../src/runs/window";
import { holdNotice, runNoticeAction, shownNotice, showNotice } from "../src/ui/notices";

const answer = (ids: string[], values: number[], over: Partial<RunsAnswer> = {}): RunsAnswer => ({
  total_count: 100,
  project_run_count: 100,
  revision: 1,
  run_ids: ids,
  columns: [{ name: "summary.loss", values }],
  runs: [],
  groups: [],
  ...over,
});

const group = (level: number, values: string[], first: number, count: number): RunGroup => ({
  level,
  values,
  first,
  count,
  running_count: 0,
  run_ids: [],
  aggregates: [],
});

const run = (id: string, over: Partial<Run> = {}) => ({ run_id: id, tags: [], group: "", ...over }) as unknown as Run;

describe("the rows that are known", () => {
  test("keep their identity while nothing in them changes", () => {
    const first = addAnswer(NOTHING_KNOWN, "q", 0, answer(["a", "b"], [1, 2]));
    const second = addAnswer(first, "q", 0, answer(["a", "b"], [1, 3]));
    expect(second.rows.get(0)).toBe(first.rows.get(0));
    expect(second.rows.get(1)?.values["summary.loss"]).toBe(3);
  });

  test("stay beside a new window as long as the order is the same, and go when it is not", () => {
    const first = addAnswer(NOTHING_KNOWN, "q", 0, answer(["a", "b"], [1, 2]));
    const further = addAnswer(first, "q", 1, answer(["b", "c"], [2, 3]));
    expect([...further.rows.values()].map(({ id }) => id).sort()).toEqual(["a", "b", "c"]);
    const moved = addAnswer(further, "q", 1, answer(["c", "b"], [3, 2]));
    expect(moved.rows.has(0)).toBe(false);
    expect(addAnswer(further, "other", 1, answer(["b", "c"], [2, 3])).rows.has(0)).toBe(false);
  });

  test("keep the columns of another part of the table", () => {
    const first = addAnswer(NOTHING_KNOWN, "q", 0, answer(["a"], [1]));
    const next = addAnswer(first, "q", 0, answer(["a"], [], { columns: [{ name: "config.lr", values: [0.1] }] }));
    expect(next.rows.get(0)?.values).toEqual({ "summary.loss": 1, "config.lr": 0.1 });
  });

  test("are asked for in steps, with some on both sides", () => {
    expect(windowOf({ first: 0, end: 30 })).toEqual({ offset: 0, limit: 200 });
    expect(windowOf({ first: 199, end: 230 })).toEqual({ offset: 50, limit: 300 });
    expect(windowOf({ first: 170, end: 199 })).toEqual(windowOf({ first: 160, end: 190 }));
  });
});

describe("groups", () => {
  const groups = [
    group(0, ["a"], 0, 5),
    group(1, ["a", "x"], 0, 2),
    group(1, ["a", "y"], 2, 3),
    group(0, ["b"], 5, 4),
    group(1, ["b", "x"], 5, 4),
  ];

  test("stand before their runs, level by level", () => {
    const layout = layOut(9, groups, []);
    expect(layout.rowCount).toBe(14);
    const kinds = Array.from({ length: 14 }, (_, position) => {
      const row = layout.row(position);
      return row.kind === "group" ? row.group.values.join("") : row.index;
    });
    expect(kinds).toEqual(["a", "ax", 0, 1, "ay", 2, 3, 4, "b", "bx", 5, 6, 7, 8]);
    expect(layout.positionOf(4)).toBe(7);
    expect(runsBetween(layout, 4, 9)).toEqual({ first: 2, end: 5 });
  });

  test("fold with all below them", () => {
    const layout = layOut(9, groups, [foldName(["a"])]);
    expect(layout.rowCount).toBe(7);
    expect(layout.row(1)).toMatchObject({ kind: "group", isOpen: true });
    expect(layout.positionOf(0)).toBe(-1);
    expect(layout.positionOf(5)).toBe(3);
    expect(layOut(9, groups, [foldName(["a"]), foldName(["b"])]).rowCount).toBe(2);
  });

  test("are not there without grouping", () => {
    expect(layOut(3, [], []).row(2)).toEqual({ kind: "run", index: 2 });
  });
});

describe("cells", () => {
  test("of measured numbers have as many decimals as their column", () => {
    const values = [0.98123, 0.5, 0.12];
    expect(decimalsOf(values)).toBe(4);
    expect(values.map((value) => cellLabel("summary.acc", value, 4))).toEqual(["0.9812", "0.5000", "0.1200"]);
    expect(decimalsOf([1, 2, 3])).toBeNull();
    expect(decimalsOf([5.5, 1e-4])).toBeNull();
    expect(cellLabel("summary.acc", 1e-9, null)).toBe("1e−9");
    expect(cellLabel("summary.acc", "NaN", 4)).toBe("NaN");
    expect(cellLabel("config.name", "NaN", null)).toBe("NaN");
    expect(cellLabel("config.steps", 20000, null)).toBe("20,000");
  });

  test("say all they hold when they are copied", () => {
    expect(cellText("summary.acc", 0.123456789012)).toBe("0.123456789012");
    expect(cellText("tags", ["a", "b"])).toBe("a, b");
    expect(cellText("config.layers", [1, 2])).toBe("[1,2]");
    expect(cellText("config.x", null)).toBe("");
    expect(tsvLine(["a\tb", "c\nd"])).toBe("a b\tc d");
  });
});

describe("columns", () => {
  const info = (name: string, kind: ColumnInfo["kind"] = "number") => ({ name, kind }) as ColumnInfo;

  test("are few at first: what differs, and numbers that were measured", () => {
    const config = Array.from({ length: 20 }, (_, index) => info(`config.k${index}`));
    const summary = [info("summary._runtime"), info("summary.note", "string"), info("summary.loss")];
    const columns = defaultColumns(config, summary);
    expect(columns.slice(0, 4)).toEqual(["state", "create_time", "duration", "config.k0"]);
    expect(columns.at(-1)).toBe("summary.loss");
    expect(columns).toHaveLength(3 + 8 + 1);
  });

  test("move to a place among the others", () => {
    expect(movedColumn(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
    expect(movedColumn(["a", "b", "c"], "c", -1)).toEqual(["c", "a", "b"]);
    expect(movedColumn(["a", "b", "c"], "a", 9)).toEqual(["b", "c", "a"]);
  });

  test("are ordered by a press, the second way round by the next, and not at all by a third", () => {
    const first = nextOrder([], "config.lr", false);
    expect(first).toEqual([{ column: "config.lr", isDescending: false }]);
    const second = nextOrder(first, "config.lr", false);
    expect(second).toEqual([{ column: "config.lr", isDescending: true }]);
    expect(nextOrder(second, "config.lr", false)).toEqual([]);
    expect(nextOrder(first, "summary.acc", true)).toEqual([
      { column: "config.lr", isDescending: false },
      { column: "summary.acc", isDescending: true },
    ]);
    expect(columnLabel("summary.val/loss")).toBe("val/loss");
  });
});

describe("taking back", () => {
  test("gives each run the group it had", () => {
    const before = [
      run("a", { group: "x" }),
      run("b", { group: "y" }),
      run("c", { group: "x" }),
      run("d", { group: "z" }),
    ];
    expect(inverseEdits({ run_ids: ["a", "b", "c", "d"], group: "z" }, before)).toEqual([
      { run_ids: ["a", "c"], group: "x" },
      { run_ids: ["b"], group: "y" },
    ]);
  });

  test("takes a tag only from runs that had not had it", () => {
    const before = [run("a", { tags: ["t"] }), run("b")];
    expect(inverseEdits({ run_ids: ["a", "b"], add_tags: ["t"] }, before)).toEqual([
      { run_ids: ["b"], remove_tags: ["t"] },
    ]);
    expect(inverseEdits({ run_ids: ["a", "b"], remove_tags: ["t"] }, before)).toEqual([
      { run_ids: ["a"], add_tags: ["t"] },
    ]);
    expect(inverseEdits({ run_ids: ["a"], archived: true }, [run("a", { archived: true })])).toEqual([]);
  });
});

test("runs on their way out are left out of a filter, whatever it says", () => {
  expect(withoutRuns("", [])).toBe("");
  expect(withoutRuns("", ['a"b'])).toBe('not id in ("a\\"b")');
  const many = Array.from({ length: 2000 }, (_, index) => `run-${index}`);
  expect(withoutRuns("x = 1", many).length).toBeLessThan(10_000);
  expect(inParts(many).flat()).toEqual(many);
  for (const part of inParts(many)) expect(theseRuns(part).length).toBeLessThan(10_000);
  expect(withoutRuns("x = 1 or y = 2", ["a"])).toBe('(x = 1 or y = 2) and not id in ("a")');
});

describe("what may stand next in a filter", () => {
  const place = (text: string) => placeAt(text, text.length);

  test.each([
    ["", "name", ""],
    ["ac", "name", "ac"],
    ["acc ", "comparison", ""],
    ["acc >", "value", ""],
    ["acc > 0.9", "value", "0.9"],
    ["acc > 0.9 ", "joint", ""],
    ["acc > 0.9 and ", "name", ""],
    ["not (sta", "name", "sta"],
    ["state in (", "value", ""],
    ["state in (failed, cr", "value", "cr"],
    ["state in (failed) ", "joint", ""],
    ["lr is ", "missing", ""],
    ["lr is not missing ", "joint", ""],
    ['"val lo', "name", "val lo"],
    ['config."learning ra', "name", "config.learning ra"],
    ['config."learning rate" ', "comparison", ""],
    ['name = "a b', "value", "a b"],
  ])("after %j is a %s", (text, wanted, typed) => {
    expect(place(text)).toMatchObject({ wanted, typed });
  });

  test("takes the place of what is typed, and knows the column", () => {
    expect(placeAt("state = ru and x", 10)).toMatchObject({ wanted: "value", from: 8, to: 10, column: "state" });
    expect(placeAt("state = ", 8)).toMatchObject({ from: 8, to: 8, column: "state" });
  });

  test("is written so that it is read as it was meant", () => {
    expect(writtenName("config.lr")).toBe("config.lr");
    expect(writtenName("config.lr max")).toBe('config."lr max"');
    expect(writtenName("tags")).toBe("tag");
    expect(writtenValue("running")).toBe("running");
    expect(writtenValue("a b")).toBe('"a b"');
    expect(writtenValue("or")).toBe('"or"');
  });
});

describe("the notice", () => {
  test("waits, and does what it waited for once", () => {
    vi.useFakeTimers();
    const onEnd = vi.fn();
    showNotice({ words: "soon", seconds: 2, onEnd });
    vi.advanceTimersByTime(1000);
    expect(shownNotice()?.secondsLeft).toBe(1);
    holdNotice(true);
    vi.advanceTimersByTime(10_000);
    expect(onEnd).not.toHaveBeenCalled();
    holdNotice(false);
    vi.advanceTimersByTime(5000);
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(shownNotice()).toBeNull();
    vi.useRealTimers();
  });

  test("ends when the next comes, and not when it is taken back", () => {
    const [first, second, undo] = [vi.fn(), vi.fn(), vi.fn()];
    showNotice({ words: "one", seconds: 8, onEnd: first });
    showNotice({ words: "two", seconds: 8, onEnd: second, action: { label: "Undo", run: undo } });
    expect(first).toHaveBeenCalledTimes(1);
    runNoticeAction();
    expect(undo).toHaveBeenCalledTimes(1);
    expect(second).not.toHaveBeenCalled();
  });
});
