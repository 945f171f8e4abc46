import { describe, expect, test } from "vitest";
import { blocksBetween, type Block, makeBlocks } from "../src/board/blocks";
import { type BoardSection, lineId, makeBoard } from "../src/board/cards";
import {
  addCard,
  addSection,
  changeCard,
  changeConfig,
  changeSection,
  duplicateCard,
  type LayoutChange,
  moveCard,
  moveSection,
  removeCard,
  removeSection,
  setSectionHeight,
  setSlot,
  showHidden,
} from "../src/layout/changes";
import { EMPTY_LAYOUT, type Layout, LAYOUT_VERSION, readLayout, writeLayout } from "../src/layout/document";
import { LayoutHistory } from "../src/layout/history";
import type { ChartMetric, MediaMetric } from "../src/panel/shown_run";

const metric = (key: string): ChartMetric => ({ key, stepMetric: "", otherKinds: [] });
const image = (key: string, runCount = 1): MediaMetric => ({ key, kind: "image", runCount, otherKinds: [] });
const KEYS = ["train/loss", "train/acc", "val/loss", "lr"].map(metric);

const after = (...changes: LayoutChange[]): Layout => changes.reduce((layout, make) => make(layout), EMPTY_LAYOUT);

function boardOf(layout: Layout, media: MediaMetric[] = []) {
  return makeBoard(KEYS, media, layout, "last", (card) => card.kind);
}

const namesOf = (sections: readonly BoardSection[]) =>
  Object.fromEntries(sections.map((section) => [section.name, section.cards.map((card) => card.id)]));

describe("a board", () => {
  test("has a card for all that was logged, in sections by name", () => {
    expect(namesOf(boardOf(EMPTY_LAYOUT, [image("train/sample")]).sections)).toEqual({
      Charts: ["line:lr"],
      train: ["line:train/acc", "line:train/loss", "image:train/sample"],
      val: ["line:val/loss"],
    });
  });

  test("keeps the order a person gave, and what came since behind it", () => {
    const layout = after(moveCard("line:train/loss", "train", "line:train/acc", ["line:train/acc", "line:train/loss"]));
    expect(namesOf(boardOf(layout, [image("train/sample")]).sections).train).toEqual([
      "line:train/loss",
      "line:train/acc",
      "image:train/sample",
    ]);
  });

  test("moves a card to another section, where it is called by its whole name", () => {
    const layout = after(moveCard("line:val/loss", "train", null, ["line:train/acc", "line:train/loss"]));
    const { sections } = boardOf(layout);
    expect(namesOf(sections)).toEqual({
      Charts: ["line:lr"],
      train: ["line:train/acc", "line:train/loss", "line:val/loss"],
    });
    expect(sections[1].cards.map((card) => card.title)).toEqual(["acc", "loss", "val/loss"]);
  });

  test("hides what is removed, counts it, and shows it again", () => {
    const layout = after(removeCard("line:lr"));
    expect(boardOf(layout)).toMatchObject({ hiddenCount: 1 });
    expect(namesOf(boardOf(layout).sections)).not.toHaveProperty("Charts");
    expect(boardOf(showHidden(layout)).hiddenCount).toBe(0);
  });

  test("shows added panels in their section, also in one that a person made", () => {
    const card = { id: "p1", section: "Mine", kind: "scatter", config: { x: "config.lr" } };
    const layout = after(addSection("Mine"), addCard(card), changeConfig("p1", { x: "config.batch" }));
    const [mine] = boardOf(layout).sections;
    expect(mine).toMatchObject({ name: "Mine", isAdded: true });
    expect(mine.cards[0]).toMatchObject({ what: "panel", added: { config: { x: "config.batch" } } });
    const left = removeSection("Mine")(layout);
    expect(namesOf(boardOf(left).sections)).not.toHaveProperty("Mine");
    expect(left.added).toEqual([]);
  });

  test("brings moved cards back when the section they were moved to goes", () => {
    const layout = after(addSection("Mine"), moveCard("line:lr", "Mine", null, []), removeSection("Mine"));
    expect(namesOf(boardOf(layout).sections).Charts).toEqual(["line:lr"]);
  });

  test("puts sections in the order a person gave", () => {
    const names = boardOf(EMPTY_LAYOUT).sections.map((section) => section.name);
    const layout = after(moveSection("val", -1, names));
    expect(boardOf(layout).sections.map((section) => section.name)).toEqual(["Charts", "val", "train"]);
    expect(moveSection("Charts", -1, names)(EMPTY_LAYOUT)).toBe(EMPTY_LAYOUT);
  });

  test("stands a duplicate behind its original, as wide", () => {
    const card = { id: "p2", section: "train", kind: "line", config: null };
    const layout = after(duplicateCard(card, 2, "line:train/acc", ["line:train/acc", "line:train/loss"]));
    const train = boardOf(layout).sections.find((section) => section.name === "train");
    expect(train?.cards.map((one) => one.id)).toEqual(["line:train/acc", "p2", "line:train/loss"]);
    expect(train?.cards[1].width).toBe(2);
  });
});

describe("blocks", () => {
  const options = { width: 1000, runCount: 1, closed: new Set<string>(), isTree: false };
  const shapeOf = (list: readonly Block[]) =>
    list.map((block) =>
      block.what === "row" ? block.places.map(({ card, span }) => `${card.id}*${span}`).join(" ") : block.what,
    );

  test("stand one below the other without a gap", () => {
    const { list, height } = makeBlocks(boardOf(EMPTY_LAYOUT, [image("train/a")]).sections, options);
    let top = 0;
    for (const block of list) {
      expect(block.top).toBe(top);
      top += block.height;
    }
    expect(height).toBe(top);
  });

  test("let records of several runs have the room they need", () => {
    const { sections } = boardOf(EMPTY_LAYOUT, [image("train/a", 3), image("train/b", 1)]);
    const rows = (runCount: number) => shapeOf(makeBlocks(sections, { ...options, runCount }).list);
    expect(rows(1)).toContain("image:train/a*1 image:train/b*1");
    expect(rows(3)).toContain("image:train/a*2 image:train/b*1");
  });

  test("take the width that a person gave, and begin a row where it does not fit", () => {
    const layout = after(changeCard(lineId("train/acc"), { width: 3 }));
    expect(shapeOf(makeBlocks(boardOf(layout).sections, options).list)).toEqual([
      "header",
      "line:lr*1",
      "header",
      "line:train/acc*3",
      "line:train/loss*1",
      "header",
      "line:val/loss*1",
    ]);
  });

  test("of a closed section are its heading and small lines", () => {
    const closed = new Set(["train"]);
    expect(shapeOf(makeBlocks(boardOf(EMPTY_LAYOUT).sections, { ...options, closed }).list)).toEqual([
      "header",
      "line:lr*1",
      "header",
      "sparklines",
      "header",
      "line:val/loss*1",
    ]);
  });

  test("of a tree have a heading for each part of the names, and a closed one hides all below", () => {
    const keys = ["a/b/x", "a/c/x", "a/y", "d/e/x"].map(metric);
    const { sections } = makeBoard(keys, [], EMPTY_LAYOUT, "tree", () => "");
    const headings = (closed: string[]) =>
      makeBlocks(sections, { ...options, isTree: true, closed: new Set(closed) }).list.flatMap((block) =>
        block.what === "header" ? [`${" ".repeat(block.depth)}${block.title} ${block.cardCount}`] : [],
      );
    expect(headings([])).toEqual(["a 3", " b 1", " c 1", "d 1", " e 1"]);
    expect(headings(["a"])).toEqual(["a 3", "d 1", " e 1"]);
    expect(headings(["d"])).toEqual(["a 3", " b 1", " c 1", "d 1"]);
  });

  test("near the screen are found among very many", () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => metric(`s${index % 1000}/m${index}`));
    const { sections } = makeBoard(keys, [], EMPTY_LAYOUT, "last", () => "");
    const { list, height } = makeBlocks(sections, options);
    for (const from of [0, height / 2, height - 500]) {
      const { first, end } = blocksBetween(list, from, from + 900);
      expect(end - first).toBeLessThan(10);
      expect(list[first].top).toBeLessThanOrEqual(from);
      expect(list[end - 1].top + list[end - 1].height).toBeGreaterThanOrEqual(Math.min(height, from + 900));
    }
  });
});

describe("a layout", () => {
  test("comes back as it was written", () => {
    const layout = after(
      changeCard("line:a", { width: 2, title: "A", settings: { isLogY: true, yRange: [0, null], smoothing: null } }),
      changeSection("s", { columns: 4 }),
      setSectionHeight("s", 5000),
      addSection("Mine"),
      addCard({ id: "p", section: "Mine", kind: "bar", config: { metric: "summary.loss" } }),
      setSlot("run", 13),
    );
    expect(readLayout(JSON.parse(JSON.stringify(writeLayout(layout))))).toEqual(layout);
    expect(layout.sections.s.height).toBe(1200);
  });

  test("of a later version, or none at all, is not read", () => {
    expect(readLayout({ ...writeLayout(EMPTY_LAYOUT), version: LAYOUT_VERSION + 1 })).toBeNull();
    for (const json of [null, 1, "x", [], {}]) expect(readLayout(json)).toBeNull();
  });

  test("with oddities in it keeps the rest", () => {
    const read = readLayout({
      version: 1,
      sections: { a: 3, b: { columns: "x", height: 300 } },
      added: [1, {}],
      slots: { r: -1 },
    });
    expect(read).toEqual({ ...EMPTY_LAYOUT, sections: { b: { height: 300 } } });
  });

  test("forgets the look of a run that is the usual one again", () => {
    expect(setSlot("run", null)(after(setSlot("run", 3)))).toEqual(EMPTY_LAYOUT);
  });

  test("goes back and forth, and a new change drops what was undone", () => {
    const history = new LayoutHistory();
    const [one, two, three] = [EMPTY_LAYOUT, after(setSlot("r", 1)), after(setSlot("r", 2))];
    history.note(one);
    expect(history.undo(two)).toBe(one);
    expect(history.canUndo).toBe(false);
    expect(history.redo(one)).toBe(two);
    history.note(two);
    expect(history.undo(three)).toBe(two);
    history.note(two);
    expect(history.canRedo).toBe(false);
  });

  test("takes back as one what was typed as one", () => {
    const history = new LayoutHistory();
    history.note(EMPTY_LAYOUT, "title", 0);
    history.note(after(setSlot("r", 1)), "title", 300);
    history.note(after(setSlot("r", 2)), "title", 9000);
    expect(history.undo(after(setSlot("r", 3)))).toEqual(after(setSlot("r", 2)));
    expect(history.undo(after(setSlot("r", 2)))).toBe(EMPTY_LAYOUT);
    expect(history.canUndo).toBe(false);
  });
});
