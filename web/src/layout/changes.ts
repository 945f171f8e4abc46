/** The changes that a person makes to a layout: each gives a new one and leaves the old as it was, so that undoing is going back. */
import { own } from "../data/own";
import {
  type AddedCard,
  CARD_HEIGHT_MAX,
  CARD_HEIGHT_MIN,
  type CardChange,
  type Layout,
  type SectionChange,
} from "./document";

export type LayoutChange = (layout: Layout) => Layout;

export const changeCard =
  (id: string, change: CardChange): LayoutChange =>
  (layout) => ({ ...layout, cards: withEntry(layout.cards, id, change) });

export const changeSection =
  (name: string, change: SectionChange): LayoutChange =>
  (layout) => ({ ...layout, sections: withEntry(layout.sections, name, change) });

/** All charts of a section get the height; it is kept within what can be read and fits a window. */
export const setSectionHeight = (name: string, height: number): LayoutChange =>
  changeSection(name, { height: Math.round(Math.min(CARD_HEIGHT_MAX, Math.max(CARD_HEIGHT_MIN, height))) });

export const addCard =
  (card: AddedCard): LayoutChange =>
  (layout) => ({ ...layout, added: [...layout.added, card] });

export const changeConfig =
  (id: string, config: unknown): LayoutChange =>
  (layout) => ({ ...layout, added: layout.added.map((card) => (card.id === id ? { ...card, config } : card)) });

/** Removes an added card; one that stands for something logged is hidden instead. */
export const removeCard =
  (id: string): LayoutChange =>
  (layout) =>
    layout.added.some((card) => card.id === id)
      ? {
          ...layout,
          added: layout.added.filter((card) => card.id !== id),
          cards: without(layout.cards, id),
        }
      : changeCard(id, { isHidden: true })(layout);

export const duplicateCard =
  (card: AddedCard, width: number | undefined, after: string, order: readonly string[]): LayoutChange =>
  (layout) => {
    const added = addCard(card)(layout);
    const place = order.indexOf(after) + 1;
    const next = changeSection(card.section, { order: [...order.slice(0, place), card.id, ...order.slice(place)] })(
      added,
    );
    return width === undefined ? next : changeCard(card.id, { width })(next);
  };

/**
 * Moves a card to stand before another one, or last in a section.
 *
 * @param order the cards of that section as they stand now.
 */
export const moveCard =
  (id: string, section: string, before: string | null, order: readonly string[]): LayoutChange =>
  (layout) => {
    const others = order.filter((one) => one !== id);
    const found = before === null ? -1 : others.indexOf(before);
    const place = found === -1 ? others.length : found;
    const next = changeSection(section, { order: [...others.slice(0, place), id, ...others.slice(place)] })(layout);
    return next.added.some((card) => card.id === id)
      ? { ...next, added: next.added.map((card) => (card.id === id ? { ...card, section } : card)) }
      : changeCard(id, { section })(next);
  };

/** @param order all sections as they stand now. */
export const moveSection =
  (name: string, by: -1 | 1, order: readonly string[]): LayoutChange =>
  (layout) => {
    const place = order.indexOf(name);
    const other = place + by;
    if (place === -1 || other < 0 || other >= order.length) return layout;
    const next = [...order];
    [next[place], next[other]] = [next[other], next[place]];
    return { ...layout, sectionOrder: next };
  };

export const addSection =
  (name: string): LayoutChange =>
  (layout) =>
    layout.addedSections.includes(name)
      ? layout
      : {
          ...layout,
          addedSections: [...layout.addedSections, name],
          sectionOrder: [name, ...layout.sectionOrder.filter((one) => one !== name)],
        };

/** Takes an added section away, with the cards that were added to it; those moved there go back to where they belong. */
export const removeSection =
  (name: string): LayoutChange =>
  (layout) => ({
    ...layout,
    addedSections: layout.addedSections.filter((one) => one !== name),
    sectionOrder: layout.sectionOrder.filter((one) => one !== name),
    added: layout.added.filter((card) => card.section !== name),
    cards: Object.fromEntries(
      Object.entries(layout.cards).map(([id, card]) => {
        if (card.section !== name) return [id, card];
        return [id, without(card, "section")];
      }),
    ),
  });

/** Gives a run a look of its own, or the usual one again with null. */
export const setSlot =
  (run: string, slot: number | null): LayoutChange =>
  (layout) => {
    const others = without(layout.slots, run);
    return { ...layout, slots: slot === null ? others : { ...others, [run]: slot } };
  };

/** Shows again every card that was taken away. */
export const showHidden: LayoutChange = (layout) => ({
  ...layout,
  cards: Object.fromEntries(Object.entries(layout.cards).map(([id, card]) => [id, without(card, "isHidden")])),
});

function without<T extends object>(all: T, name: string): T {
  return Object.fromEntries(Object.entries(all).filter(([one]) => one !== name)) as T;
}

function withEntry<T extends object>(
  all: Readonly<Record<string, T>>,
  name: string,
  change: T,
): Readonly<Record<string, T>> {
  const before: Partial<T> = own(all, name) ?? {};
  const after = Object.fromEntries(
    Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined),
  ) as T;
  return { ...all, [name]: after };
}
