import { describe, expect, test } from "vitest";
import type { RowsAnswer } from "../src/api/records";
import { cellLabel, cellText, numberOf } from "../src/table/cells";
import { csvField, csvLine, csvRow } from "../src/table/csv";
import { filterOf, groupOf, nextSort, rowsQuery } from "../src/table/question";
import { PAGE_ROWS, pagesOf, RowPages } from "../src/table/row_pages";
import {
  columnsAt,
  edgesOf,
  extentOf,
  follow,
  isScaled,
  offsetOf,
  reveal,
  rowsAt,
  stateAt,
  TOP,
  TRACK_HEIGHT_MAX,
} from "../src/table/scroll";

describe("the scrolling of a list", () => {
  const short = extentOf(1000, 28, 560);
  // A hundred million rows: 2.8 billion pixels.
  const long = extentOf(100_000_000, 28, 560);

  test("is the browser's own while an element may be as high", () => {
    expect(isScaled(short)).toBe(false);
    expect(follow(short, TOP, 700)).toEqual({ scrollTop: 700, base: 0 });
    expect(rowsAt(short, { scrollTop: 700, base: 0 }, 28, 0)).toEqual({ first: 25, end: 45 });
    expect(rowsAt(short, TOP, 28, 6)).toEqual({ first: 0, end: 26 });
  });

  test("keeps to a height that browsers take, however long the list", () => {
    expect(long.trackHeight).toBe(TRACK_HEIGHT_MAX);
    expect(isScaled(long)).toBe(true);
  });

  test("moves a long list by as many pixels as a wheel turns", () => {
    let state = TOP;
    for (let turn = 1; turn <= 10; turn++) {
      state = follow(long, state, state.scrollTop + 100);
      expect(offsetOf(long, state)).toBe(turn * 100);
    }
  });

  test("puts the bar where the rows are, without moving them", () => {
    const moved = follow(long, follow(long, TOP, 500), 900);
    const settled = stateAt(long, offsetOf(long, moved));
    expect(offsetOf(long, settled)).toBe(900);
    expect(settled.scrollTop).toBeLessThan(10);
  });

  test("jumps by shares when the bar is dragged, and reaches both ends", () => {
    const middle = follow(long, TOP, (TRACK_HEIGHT_MAX - 560) / 2);
    expect(rowsAt(long, middle, 28, 0).first).toBe(49_999_990);
    const end = follow(long, middle, TRACK_HEIGHT_MAX - 560);
    expect(rowsAt(long, end, 28, 0).end).toBe(100_000_000);
    expect(offsetOf(long, follow(long, end, 0))).toBe(0);
  });

  test("never leaves the list, when its end comes before the bar's", () => {
    const nearEnd = stateAt(long, long.listHeight - 560 - 50);
    const past = follow(long, { ...nearEnd, scrollTop: nearEnd.scrollTop - 400 }, nearEnd.scrollTop - 100);
    expect(offsetOf(long, past)).toBeLessThanOrEqual(long.listHeight - 560);
    const start = { scrollTop: 5000, base: 4990 };
    expect(offsetOf(long, follow(long, start, 4900))).toBe(0);
  });

  test.each([short, long])("shows a row whole when it is asked for", (extent) => {
    for (const row of [0, 1, 500, 999]) {
      const state = reveal(extent, TOP, 28, row);
      const offset = offsetOf(extent, state);
      expect(row * 28).toBeGreaterThanOrEqual(offset);
      expect(row * 28 + 28).toBeLessThanOrEqual(offset + 560);
      expect(state.scrollTop).toBeGreaterThanOrEqual(0);
    }
    expect(reveal(extent, TOP, 28, 3)).toBe(TOP);
  });

  test("shows the very last row of a long list", () => {
    const state = reveal(long, TOP, 28, 99_999_999);
    expect(rowsAt(long, state, 28, 0).end).toBe(100_000_000);
  });

  test("knows the columns between two pixels", () => {
    const edges = edgesOf([100, 50, 200, 80]);
    expect(edges).toEqual([0, 100, 150, 350, 430]);
    expect(columnsAt(edges, 0, 100)).toEqual({ first: 0, end: 1 });
    expect(columnsAt(edges, 100, 351)).toEqual({ first: 1, end: 4 });
    expect(columnsAt([0], 0, 100)).toEqual({ first: 0, end: 0 });
  });
});

describe("pages of rows", () => {
  interface Asked {
    offset: number;
    signal: AbortSignal;
    answer: () => void;
  }

  function makePages() {
    const asked: Asked[] = [];
    const pages = new RowPages(
      (offset, limit, signal) =>
        new Promise<RowsAnswer>((resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
          const rows = Array.from({ length: limit }, (_, index) => [offset + index]);
          const answer = () =>
            resolve({
              total_count: 1e6,
              row_count: 1e6,
              columns: [{ name: "n", type: "integer" }],
              rows,
              row_numbers: rows.map(([number]) => number),
            });
          asked.push({ offset, signal, answer });
        }),
    );
    return { pages, asked };
  }

  // A few turns of the queue of microtasks: an answer is waited for in steps.
  const settled = async () => {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };

  test("are those that hold the rows", () => {
    expect(pagesOf({ first: 0, end: 0 })).toEqual([]);
    expect(pagesOf({ first: 0, end: PAGE_ROWS })).toEqual([0]);
    expect(pagesOf({ first: PAGE_ROWS - 1, end: PAGE_ROWS + 1 })).toEqual([0, 1]);
  });

  test("are asked for once, when somebody looks", async () => {
    const { pages, asked } = makePages();
    pages.look({ first: 500, end: 520 });
    pages.look({ first: 501, end: 521 });
    expect(asked.map(({ offset }) => offset)).toEqual([400]);
    expect(pages.row(500)).toBeNull();
    asked[0].answer();
    await settled();
    expect(pages.row(500)).toEqual({ cells: [500], number: 500 });
    pages.look({ first: 500, end: 520 });
    expect(asked).toHaveLength(1);
  });

  test("that nobody looks at any more are not waited for", async () => {
    const { pages, asked } = makePages();
    pages.look({ first: 0, end: 20 });
    pages.look({ first: 100_000, end: 100_020 });
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await settled();
    expect(pages.error).toBeNull();
    pages.look({ first: 0, end: 20 });
    expect(asked).toHaveLength(3);
  });

  test("are forgotten when many others have been seen since", async () => {
    const { pages, asked } = makePages();
    for (let page = 0; page < 100; page++) {
      pages.look({ first: page * PAGE_ROWS, end: page * PAGE_ROWS + 1 });
      asked[page].answer();
      await settled();
    }
    expect(pages.row(0)).toBeNull();
    expect(pages.row(99 * PAGE_ROWS)).not.toBeNull();
  });

  test("tell whoever listens, until they are closed", async () => {
    const { pages, asked } = makePages();
    let told = 0;
    pages.subscribe(() => told++);
    const opened = pages.open();
    asked[0].answer();
    expect((await opened).row_count).toBe(1e6);
    expect(told).toBe(1);
    pages.look({ first: 1000, end: 1001 });
    pages.close();
    expect(asked[1].signal.aborted).toBe(true);
    await settled();
    expect(told).toBe(1);
  });
});

describe("a question", () => {
  const columns = [
    { name: "step", type: "integer" as const },
    { name: "label", type: "text" as const },
    { name: "ok", type: "bool" as const },
    { name: "loss", type: "number" as const },
  ];
  const filter = (column: number, op: ">" | "in" | "=" | "is_empty" | "contains", text: string) =>
    filterOf({ id: 1, column, op, text }, columns);

  test("takes values as the column's type has them, and waits for whole ones", () => {
    expect(filter(0, ">", " 3 ")).toEqual({ column: 0, op: ">", value: 3 });
    expect(filter(3, "=", "NaN")).toEqual({ column: 3, op: "=", value: "NaN" });
    expect(filter(2, "=", "false")).toEqual({ column: 2, op: "=", value: false });
    expect(filter(0, "in", "1, 2,x")).toEqual({ column: 0, op: "in", value: [1, 2] });
    expect(filter(1, "is_empty", "")).toEqual({ column: 1, op: "is_empty" });
    expect([filter(0, ">", ""), filter(0, ">", "three"), filter(1, "contains", "")]).toEqual([null, null, null]);
  });

  test("joins conditions and the search, and says nothing that is not asked", () => {
    const none = { sort: null, conditions: [], search: { column: 1, text: "" }, group: null };
    expect(rowsQuery(none, columns)).toEqual({});
    const some = rowsQuery(
      { ...none, conditions: [{ id: 1, column: 0, op: ">", text: "3" }], search: { column: 1, text: "cat" } },
      columns,
    );
    expect(some).toEqual({
      filter: {
        and: [
          { column: 0, op: ">", value: 3 },
          { column: 1, op: "contains", value: "cat" },
        ],
      },
    });
  });

  test("groups with an aggregate of every other number", () => {
    expect(groupOf({ column: 1, function: "mean" }, columns)).toEqual({
      by: [1],
      aggregates: [
        { column: 1, function: "count" },
        { column: 0, function: "mean" },
        { column: 3, function: "mean" },
      ],
    });
  });

  test("orders ascending, descending, not, by the same press", () => {
    const first = nextSort(null, 2);
    const second = nextSort(first, 2);
    expect([first?.descending, second?.descending, nextSort(second, 2)]).toEqual([false, true, null]);
    expect(nextSort(second, 1)).toEqual({ column: 1, descending: false });
  });
});

describe("cells", () => {
  test("of numbers say NaN and infinity, and are empty when they are", () => {
    expect(cellLabel("NaN", "number")).toBe("NaN");
    expect(cellLabel("-Infinity", "number")).toBe("−∞");
    expect(cellLabel(null, "number")).toBe("");
    expect(numberOf("NaN")).toBeNaN();
    // The text of a text column stays a text.
    expect(cellLabel("Infinity", "text")).toBe("Infinity");
  });

  test("are copied with all they hold", () => {
    expect(cellText(0.1234567890123, "number")).toBe("0.1234567890123");
    expect(cellText({ a: [1] }, "json")).toBe('{"a":[1]}');
    expect(cellText(false, "bool")).toBe("false");
  });
});

describe("comma-separated values", () => {
  test("are quoted where they must be", () => {
    expect(csvField('say "hi", twice')).toBe('"say ""hi"", twice"');
    expect(csvLine(["a", "b\nc", ""])).toBe('a,"b\nc",\r\n');
  });

  test.each(["=SUM(A1)", "+cmd", "-1+2", "@x", "\tx", "-"])("are no formula: %s", (text) => {
    expect(csvField(text).replace(/^"/, "")).toMatch(/^'/);
  });

  test.each(["-1", "+1.5", "-2e-7", "-.5", "3", "-Infinity"])("leave plain numbers: %s", (text) => {
    expect(csvField(text)).toBe(text);
  });

  test("write every cell by its type", () => {
    const columns = [
      { name: "a", type: "number" as const },
      { name: "b", type: "json" as const },
      { name: "c", type: "text" as const },
    ];
    expect(csvRow(["NaN", { x: 1 }, null], columns)).toBe('NaN,"{""x"":1}",\r\n');
  });
});
