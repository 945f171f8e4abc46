/**
 * Where everything on the board stands: headings and rows of cards, each with its place from the top.
 *
 * The whole board is one list of blocks, so that only what is near the screen is in the page, however many sections there are.
 */
import { CARD_MARGIN, CELL_GAP } from "../media/card_room";
import { CELL_WIDTH_MIN } from "../media/panels";
import { UNNAMED_SECTION } from "../panel/sections";
import { ancestorsOf, type BoardSection, type Card } from "./cards";

export const GAP = 8;
export const HEADER_HEIGHT = 36;
export const SPARKLINES_HEIGHT = 48;
const EMPTY_HEIGHT = 48;
export const CARD_HEIGHT = 236;
/** A row with records in it is higher by so much: a picture needs the room. */
const MEDIA_EXTRA = 104;
const CARD_WIDTH_MIN = 320;
const COLUMNS_MAX = 12;

export interface Place {
  card: Card;
  /** From 0. */
  column: number;
  span: number;
}

interface BlockBase {
  key: string;
  top: number;
  height: number;
  section: BoardSection;
}

export interface HeaderBlock extends BlockBase {
  what: "header";
  title: string;
  /** How deep it stands in the tree of sections. */
  depth: number;
  isClosed: boolean;
  cardCount: number;
  /** Of a tree: it has no cards of its own, and stands for the sections below it. */
  isBranch: boolean;
}

export interface RowBlock extends BlockBase {
  what: "row";
  columns: number;
  places: Place[];
}

export interface SparklinesBlock extends BlockBase {
  what: "sparklines";
}

export interface EmptyBlock extends BlockBase {
  what: "empty";
}

export type Block = HeaderBlock | RowBlock | SparklinesBlock | EmptyBlock;

export interface Blocks {
  list: Block[];
  height: number;
}

export interface BlockOptions {
  width: number;
  /** How many runs are shown: records of several stand side by side. */
  runCount: number;
  closed: ReadonlySet<string>;
  isTree: boolean;
}

export const columnsFor = (width: number): number =>
  Math.max(1, Math.min(COLUMNS_MAX, Math.floor((width + GAP) / (CARD_WIDTH_MIN + GAP))));

export function makeBlocks(sections: readonly BoardSection[], options: BlockOptions): Blocks {
  const { width, closed, isTree } = options;
  const list: Block[] = [];
  let top = 0;
  const add = (block: Block) => {
    list.push(block);
    top += block.height;
  };
  const header = (section: BoardSection, name: string, isBranch: boolean, cardCount: number) => {
    const depth = isTree ? ancestorsOf(name).length : 0;
    const title = isTree && name !== UNNAMED_SECTION ? (name.split("/").at(-1) ?? name) : name;
    const isClosed = closed.has(name);
    const shown = name === section.name ? section : { ...section, name, cards: [], isAdded: false };
    add({
      what: "header",
      key: `header:${name}`,
      top,
      height: HEADER_HEIGHT,
      section: shown,
      title,
      depth,
      isClosed,
      cardCount,
      isBranch,
    });
  };

  const begun = new Set<string>();
  const counts = isTree ? countsOfBranches(sections) : null;
  for (const section of sections) {
    const ancestors = isTree ? ancestorsOf(section.name) : [];
    let isFolded = false;
    for (const name of ancestors) {
      if (!begun.has(name) && !isFolded) {
        begun.add(name);
        header(section, name, true, counts?.get(name) ?? 0);
      }
      isFolded ||= closed.has(name);
    }
    if (isFolded) continue;
    if (!begun.has(section.name)) {
      begun.add(section.name);
      header(section, section.name, false, counts?.get(section.name) ?? section.cards.length);
    }
    if (closed.has(section.name)) {
      if (section.cards.some((card) => card.what === "line")) {
        add({ what: "sparklines", key: `sparklines:${section.name}`, top, height: SPARKLINES_HEIGHT, section });
      }
      continue;
    }
    if (section.cards.length === 0) {
      add({ what: "empty", key: `empty:${section.name}`, top, height: EMPTY_HEIGHT, section });
      continue;
    }
    const columns = Math.min(section.columns ?? columnsFor(width), columnsFor(width * 2));
    for (const places of pack(section.cards, columns, (width + GAP) / columns, options.runCount)) {
      add({
        what: "row",
        key: `row:${places[0].card.id}`,
        top,
        height: rowHeight(places, section.height) + GAP,
        section,
        columns,
        places,
      });
    }
  }
  return { list, height: top };
}

function countsOfBranches(sections: readonly BoardSection[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { name, cards } of sections) {
    for (const one of [...ancestorsOf(name), name]) counts.set(one, (counts.get(one) ?? 0) + cards.length);
  }
  return counts;
}

function rowHeight(places: readonly Place[], height: number | undefined): number {
  const base = height ?? CARD_HEIGHT;
  return places.some(({ card }) => card.what === "media") ? base + MEDIA_EXTRA : base;
}

/** Cards one behind the other; where the next one finds no room, or records follow charts, a row begins. */
function pack(cards: readonly Card[], columns: number, columnWidth: number, runCount: number): Place[][] {
  const rows: Place[][] = [];
  let row: Place[] = [];
  let column = 0;
  const close = () => {
    const last = row.at(-1);
    // Records of several runs make use of what would be left empty; of a single one they would only be drawn out.
    if (last && last.card.what === "media" && !last.card.width && cellsOf(last.card, runCount) > 1) {
      last.span += columns - column;
    }
    if (last) rows.push(row);
    row = [];
    column = 0;
  };
  for (const card of cards) {
    const span = Math.min(columns, spanOf(card, columnWidth, runCount));
    const before = row.at(-1);
    const isOtherKind =
      before !== undefined && !card.width && (before.card.what === "media") !== (card.what === "media");
    if (column + span > columns || isOtherKind) close();
    row.push({ card, column, span });
    column += span;
  }
  close();
  return rows;
}

const cellsOf = (card: Card, runCount: number) =>
  card.what === "media" ? Math.max(1, Math.min(card.metric.runCount, runCount)) : 1;

function spanOf(card: Card, columnWidth: number, runCount: number): number {
  if (card.width) return card.width;
  if (card.what !== "media") return 1;
  const wanted = cellsOf(card, runCount) * (CELL_WIDTH_MIN[card.metric.kind] + CELL_GAP) + CARD_MARGIN;
  return Math.max(1, Math.ceil(wanted / columnWidth));
}

/** The blocks that lie between two places from the top: the first, and one past the last. */
export function blocksBetween(list: readonly Block[], from: number, to: number): { first: number; end: number } {
  const below = (place: number) => {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].top + list[middle].height <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const first = below(from);
  let end = first;
  while (end < list.length && list[end].top < to) end++;
  return { first, end };
}
