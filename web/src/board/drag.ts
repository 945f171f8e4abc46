/** What is being moved on the board, and where it would go: heard by every card, so that only two of them are drawn anew. */

export interface Target {
  section: string;
  /** The card it would stand before; null for the end of the section. */
  before: string | null;
}

export interface Drag {
  id: string;
  target: Target | null;
}

let drag: Drag | null = null;
const listeners = new Set<() => void>();

export const getDrag = (): Drag | null => drag;

export function setDrag(next: Drag | null): void {
  if (next === drag) return;
  drag = next;
  for (const listener of listeners) listener();
}

export function subscribeDrag(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/**
 * Where a card would go that is let go at a place of the window: before the card there, or before the one behind it where the
 * place is in its right half; at the end of a section whose heading or empty place it is.
 */
export function targetAt(x: number, y: number): Target | null {
  const under = document.elementFromPoint(x, y);
  const card = under?.closest<HTMLElement>("[data-card]");
  if (card) {
    const { cardSection: section, card: id, next } = card.dataset;
    if (section === undefined || id === undefined) return null;
    const box = card.getBoundingClientRect();
    return { section, before: x < box.left + box.width / 2 ? id : next || null };
  }
  const heading = under?.closest<HTMLElement>("[data-drop-section]");
  return heading?.dataset.dropSection === undefined ? null : { section: heading.dataset.dropSection, before: null };
}
