/** The cards of a page, in their sections: what was logged has a card by itself, and a layout adds, moves, names and hides. */
import { own } from "../data/own";
import type { AddedCard, CardChange, ChartSettings, Layout } from "../layout/document";
import { byName, makeSections, titleIn, UNNAMED_SECTION } from "../panel/sections";
import type { ChartMetric, MediaMetric } from "../panel/shown_run";
import { mediaId, type SectionRule } from "../url/view_state";

interface CardBase {
  id: string;
  /** The section it stands in. */
  section: string;
  title: string;
  /** Columns chosen by a person. */
  width: number | undefined;
}

/** A chart of one metric, there by itself. */
export interface LineCard extends CardBase {
  what: "line";
  metric: ChartMetric;
  settings: ChartSettings | undefined;
}

/** Records of one kind under one name, there by themselves. */
export interface MediaCardPlace extends CardBase {
  what: "media";
  metric: MediaMetric;
}

/** A panel that a person added. */
export interface PanelCard extends CardBase {
  what: "panel";
  added: AddedCard;
}

export type Card = LineCard | MediaCardPlace | PanelCard;

export interface BoardSection {
  name: string;
  cards: Card[];
  /** Made by a person: stays while it is empty. */
  isAdded: boolean;
  columns: number | undefined;
  height: number | undefined;
}

export interface Board {
  sections: BoardSection[];
  /** How many cards a person has taken away. */
  hiddenCount: number;
}

export const lineId = (key: string): string => `line:${key}`;

/** @param titleOf what an added panel is called. */
export function makeBoard(
  metrics: readonly ChartMetric[],
  media: readonly MediaMetric[],
  layout: Layout,
  rule: SectionRule,
  titleOf: (card: AddedCard) => string,
): Board {
  const sections = new Map<string, BoardSection>();
  let hiddenCount = 0;
  const place = (card: Card, change: CardChange | undefined) => {
    if (change?.isHidden) {
      hiddenCount++;
      return;
    }
    let section = sections.get(card.section);
    if (!section) {
      section = emptySection(card.section, layout);
      sections.set(card.section, section);
    }
    section.cards.push(card);
  };

  const isChanged = Object.keys(layout.cards).length > 0;
  const changeOf = (id: string) => (isChanged ? own(layout.cards, id) : undefined);
  const natural = makeSections(metrics, rule === "tree" ? "last" : rule, media);
  for (const { name, metrics: drawn, media: records } of natural) {
    for (const metric of drawn) {
      const id = lineId(metric.key);
      const change = changeOf(id);
      place({ what: "line", metric, settings: change?.settings, ...baseOf(id, name, metric.key, change) }, change);
    }
    for (const metric of records) {
      const id = mediaId(metric.kind, metric.key);
      const change = changeOf(id);
      place({ what: "media", metric, ...baseOf(id, name, metric.key, change) }, change);
    }
  }
  for (const added of layout.added) {
    const title = titleOf(added);
    const width = own(layout.cards, added.id)?.width;
    place({ what: "panel", id: added.id, section: added.section, title, width, added }, undefined);
  }
  for (const name of layout.addedSections) {
    if (!sections.has(name)) sections.set(name, emptySection(name, layout));
  }
  for (const section of sections.values()) inOrder(section, own(layout.sections, section.name)?.order);
  return { sections: sectionsInOrder([...sections.values()], layout.sectionOrder), hiddenCount };
}

function baseOf(id: string, natural: string, key: string, change: CardChange | undefined): CardBase {
  const section = change?.section ?? natural;
  const title = section === natural ? titleIn(natural, key) : key;
  return { id, section, title: change?.title ?? title, width: change?.width };
}

const emptySection = (name: string, layout: Layout): BoardSection => ({
  name,
  cards: [],
  isAdded: layout.addedSections.includes(name),
  columns: own(layout.sections, name)?.columns,
  height: own(layout.sections, name)?.height,
});

/** Cards that a person has put in order come first; those that came since follow as they are. */
function inOrder(section: BoardSection, order: readonly string[] | undefined): void {
  if (!order) return;
  const places = new Map(order.map((id, place) => [id, place]));
  const placeOf = (card: Card) => places.get(card.id) ?? order.length;
  section.cards.sort((a, b) => placeOf(a) - placeOf(b));
}

function sectionsInOrder(sections: BoardSection[], order: readonly string[]): BoardSection[] {
  const places = new Map(order.map((name, place) => [name, place]));
  const placeOf = (section: BoardSection) => places.get(section.name) ?? order.length;
  return sections.sort((a, b) => placeOf(a) - placeOf(b) || byName(a.name, b.name));
}

/** The names above a section in a tree of all parts: "a" and "a/b" of "a/b/c". */
export function ancestorsOf(name: string): string[] {
  if (name === UNNAMED_SECTION) return [];
  const parts = name.split("/");
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
