import { describe, expect, test } from "vitest";
import type { ConsoleAnswer, ConsoleLine } from "../src/api/types";
import { CHART_THEME } from "../src/chart/palette";
import { parseAnsi, visible, withoutSgr } from "../src/logs/ansi";
import { colorsOf, contrast } from "../src/logs/ansi_colors";
import { fileName, wholeText } from "../src/logs/download";
import { LinePages, PAGE_LINES, TAIL_LINES } from "../src/logs/line_pages";
import { drawnLine, LINE_CHARACTERS_MAX } from "../src/logs/pieces";
import { coverage, lineAt, shareAt } from "../src/logs/pivot";
import { ConsoleSearch, countBelow, marker, markedRanges } from "../src/logs/search";

const ESC = "\x1b";

describe("colours and weights of a terminal", () => {
  test("are those that SGR sequences ask for, until they are reset", () => {
    const spans = parseAnsi(`a${ESC}[1;31mb${ESC}[22mc${ESC}[0md`);
    expect(spans.map(({ text }) => text)).toEqual(["a", "b", "c", "d"]);
    expect(spans[1].style).toMatchObject({ color: { index: 1 }, isBold: true });
    expect(spans[2].style).toMatchObject({ color: { index: 1 }, isBold: false });
    expect([spans[0].style, spans[3].style]).toEqual([null, null]);
  });

  test.each([
    ["38;5;208", { color: { index: 208 } }],
    ["38:5:208", { color: { index: 208 } }],
    ["48;2;1;2;3", { background: { rgb: 0x010203 } }],
    ["38:2::1:2:3", { color: { rgb: 0x010203 } }],
    ["38:2:1:2:3", { color: { rgb: 0x010203 } }],
    ["97;104", { color: { index: 15 }, background: { index: 12 } }],
    ["38;5;1;4", { color: { index: 1 }, isUnderlined: true }],
    ["2;3;4;7;9", { isDim: true, isItalic: true, isUnderlined: true, isInverse: true, isStruck: true }],
  ])("SGR %s", (parameters, style) => {
    expect(parseAnsi(`${ESC}[${parameters}mx`)[0].style).toMatchObject(style);
  });

  test.each(["38;5;256", "38;5", "38;2;300;0;0", "38", "999", "4:0"])("SGR %s changes nothing", (parameters) => {
    expect(parseAnsi(`${ESC}[${parameters}mx`)).toEqual([{ text: "x", style: null }]);
  });

  test("a bare m is a reset, and what is no SGR stays text that can be seen", () => {
    expect(parseAnsi(`${ESC}[31mx${ESC}[my`)[1]).toEqual({ text: "y", style: null });
    const line = `${ESC}]0;title\x07${ESC}[2J<img onerror=x>\u202Eback`;
    const text = parseAnsi(line)
      .map((span) => visible(span.text))
      .join("");
    expect(text).toBe("^[]0;title^G^[[2J<img onerror=x><202E>back");
    expect(withoutSgr(`${ESC}[1ma${ESC}[0m\tb`)).toBe("a\tb");
  });

  test("can be read on both grounds, whatever a run asks for", () => {
    const ground = (theme: "light" | "dark") => rgb(CHART_THEME[theme].ground);
    const base = parseAnsi(`${ESC}[1;31mx`)[0].style!;
    for (const theme of ["light", "dark"] as const) {
      for (let index = 0; index < 256; index++) {
        for (const isDim of [false, true]) {
          const colors = colorsOf({ ...base, color: { index }, isDim }, theme);
          expect(contrast(numbers(colors.color!), ground(theme))).toBeGreaterThanOrEqual(4.5);
        }
        const behind = colorsOf({ ...base, color: { index: 3 }, background: { index } }, theme);
        expect(contrast(numbers(behind.color!), numbers(behind.background!))).toBeGreaterThanOrEqual(4.5);
      }
      const inverse = colorsOf({ ...base, color: null, isInverse: true }, theme);
      expect(numbers(inverse.background!)).toEqual(rgb(CHART_THEME[theme].ink));
    }
  });
});

type Rgb = [number, number, number];
const numbers = (css: string) => css.match(/\d+/g)!.map(Number) as Rgb;
const rgb = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as Rgb;

describe("a line as it is drawn", () => {
  test("is cut where the search finds something, over the borders of colours", () => {
    const { pieces } = drawnLine(`lo${ESC}[31mss=1 lo${ESC}[0mss`, marker("loss"));
    expect(pieces.map(({ text, isMarked }) => [text, isMarked])).toEqual([
      ["lo", true],
      ["ss", true],
      ["=1 ", false],
      ["lo", true],
      ["ss", true],
    ]);
  });

  test("says how much of it is left out", () => {
    const { pieces, cutCount } = drawnLine("x".repeat(LINE_CHARACTERS_MAX + 7), null);
    expect([pieces[0].text.length, cutCount]).toEqual([LINE_CHARACTERS_MAX, 7]);
  });

  test("a pattern that finds nothing marks nothing, one that is none marks nothing", () => {
    expect(markedRanges("abc", marker("x*"))).toEqual([]);
    expect(marker("(")).toBeNull();
  });
});

const line = (number: number, text = `line ${number}`): ConsoleLine => [number, "stdout", number, text];

/** A console of so many lines, with what was asked of it. */
function console_(count: number) {
  const state = { count, asked: [] as [number | null, number][], texts: new Map<number, string>(), fails: false };
  const fetch = async (first: number | null, limit: number): Promise<ConsoleAnswer> => {
    state.asked.push([first, limit]);
    if (state.fails) throw new Error("gone");
    const from = first ?? Math.max(0, state.count - limit);
    const end = Math.min(state.count, from + limit);
    const lines = Array.from({ length: end - from }, (_, index) => line(from + index, state.texts.get(from + index)));
    return { writer_id: "w", line_count: state.count, next_line: end < state.count ? end : null, lines };
  };
  return { state, fetch };
}

const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

async function opened(count: number) {
  const { state, fetch } = console_(count);
  const clock = { now: 0, tasks: [] as (() => void)[] };
  const pages = new LinePages({ fetch, now: () => clock.now, later: (task) => clock.tasks.push(task) });
  pages.open();
  await settled();
  return { pages, state, clock };
}

describe("the pages of a console", () => {
  test("begin with the end, and ask only for what is looked at", async () => {
    const { pages, state } = await opened(10_000);
    expect(pages.lineCount).toBe(10_000);
    expect(pages.line(9_999)?.[3]).toBe("line 9999");
    expect(pages.line(0)).toBeUndefined();
    pages.look({ first: 9_900, end: 10_000 });
    pages.look({ first: 20, end: 80 });
    await settled();
    expect(pages.line(50)?.[3]).toBe("line 50");
    expect(state.asked.slice(1)).toEqual([[0, PAGE_LINES]]);
  });

  test("ask the end again when the run has changed: new lines, and one written anew", async () => {
    const { pages, state, clock } = await opened(1_000);
    const before = pages.line(998);
    state.count = 1_003;
    state.texts.set(999, "100 %");
    clock.now = 1_000;
    pages.refresh();
    await settled();
    expect(pages.lineCount).toBe(1_003);
    expect([pages.line(999)?.[3], pages.line(1_002)?.[3]]).toEqual(["100 %", "line 1002"]);
    expect(pages.line(998)).toBe(before);
    expect(state.asked.at(-1)).toEqual([null, TAIL_LINES]);
  });

  test("ask the end at most twice a second, and once more after the last change", async () => {
    const { pages, state, clock } = await opened(10);
    for (let change = 0; change < 5; change++) pages.refresh();
    await settled();
    expect(state.asked).toHaveLength(1);
    clock.now = 500;
    for (const task of clock.tasks.splice(0)) task();
    await settled();
    expect(state.asked).toHaveLength(2);
    expect(clock.tasks).toHaveLength(0);
  });

  test("ask for lines between what is held and an end that has run ahead", async () => {
    const { pages, state, clock } = await opened(100);
    state.count = 5_000;
    clock.now = 1_000;
    pages.refresh();
    await settled();
    expect(pages.line(200)).toBeUndefined();
    pages.look({ first: 150, end: 250 });
    await settled();
    expect(pages.line(200)?.[3]).toBe("line 200");
  });

  test("do not ask again and again for what was refused, until somebody wants it", async () => {
    const { pages, state } = await opened(10_000);
    state.fails = true;
    pages.look({ first: 0, end: 10 });
    await settled();
    expect(pages.error?.message).toBe("gone");
    pages.look({ first: 0, end: 10 });
    await settled();
    expect(state.asked).toHaveLength(2);
    state.fails = false;
    pages.retry();
    await settled();
    pages.look({ first: 0, end: 10 });
    await settled();
    expect(pages.error).toBeNull();
    expect(pages.line(5)?.[3]).toBe("line 5");
  });
});

describe("a search", () => {
  test("goes on to the end, and after a change searches again what may have been written anew", async () => {
    let count = 3_000;
    const asked: (number | null)[] = [];
    const tasks: (() => void)[] = [];
    const search = new ConsoleSearch({
      fetch: async (first) => {
        asked.push(first);
        const from = first ?? 0;
        const end = Math.min(count, from + 2_000);
        const lines = [];
        for (let number = Math.ceil(from / 1000) * 1000; number < end; number += 1000) lines.push(line(number));
        return { writer_id: "w", line_count: count, next_line: end < count ? end : null, lines };
      },
      later: (task) => tasks.push(task),
    });
    search.open();
    await settled();
    expect(search.matches.map(([number]) => number)).toEqual([0, 1000, 2000]);
    count = 3_001;
    search.refresh();
    for (const task of tasks.splice(0)) task();
    await settled();
    expect(search.matches.map(([number]) => number)).toEqual([0, 1000, 2000, 3000]);
    expect(asked).toEqual([null, 2000, 3000 - TAIL_LINES]);
    expect(countBelow(search.matches, 1500)).toBe(2);
  });

  test("tells of a pattern that the daemon refuses", async () => {
    const search = new ConsoleSearch({ fetch: () => Promise.reject(new Error("no pattern")), later: () => {} });
    search.open();
    await settled();
    expect(search.error?.message).toBe("no pattern");
    expect(search.isBusy).toBe(false);
  });
});

test("a download is put together from pages, without colours", async () => {
  const { fetch, state } = console_(25_000);
  state.texts.set(0, `${ESC}[1mfirst${ESC}[0m`);
  const shares: number[] = [];
  const parts = await wholeText(
    (first, limit) => fetch(first, limit),
    0,
    (share) => shares.push(share),
  );
  const lines = parts.join("").split("\n");
  expect(lines).toHaveLength(25_001);
  expect([lines[0], lines[24_999]]).toEqual(["first", "line 24999"]);
  expect(shares.at(-1)).toBe(1);
  expect(fileName("a/b c", "../w")).toBe("a_b_c-.._w.log");
});

describe("places in a long list", () => {
  const edges = [0, 20, 40, 140, 160];

  test("rows that are seen are those that the view touches", () => {
    expect(coverage(edges, 0, 40)).toEqual({ row: 0, endRow: 2 });
    expect(coverage(edges, 30, 40)).toEqual({ row: 1, endRow: 3 });
    expect(coverage(edges, 155, 40)).toEqual({ row: 3, endRow: 4 });
    expect(coverage([0], 0, 40)).toEqual({ row: 0, endRow: 0 });
  });

  test("the bar's ends are the list's ends, and its place comes back from what is seen", () => {
    const [rowCount, view, height] = [1_000_000, 600, 20];
    expect(lineAt(0, rowCount, view, height)).toEqual({ row: 0, y: 0 });
    expect(lineAt(1, rowCount, view, height)).toEqual({ row: rowCount - 1, y: 580 });
    for (const share of [0.1, 0.5, 0.77]) {
      const { row, y } = lineAt(share, rowCount, view, height);
      const first = row - 40;
      const all = Array.from({ length: 81 }, (_, index) => index * height);
      expect(shareAt(all, first, y - 40 * height, rowCount, view)).toBeCloseTo(share, 9);
    }
  });
});
