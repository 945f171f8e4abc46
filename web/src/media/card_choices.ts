/** What a person has chosen at one card for all its records, kept for as long as the page lives. */
import { useCallback, useSyncExternalStore } from "react";

export class CardChoices<T extends object> {
  private readonly chosen = new Map<string, T>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly initial: T) {}

  get(card: string): T {
    return this.chosen.get(card) ?? this.initial;
  }

  change(card: string, part: Partial<T>): void {
    this.chosen.set(card, { ...this.get(card), ...part });
    for (const listener of this.listeners) listener();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };
}

export function useCardChoices<T extends object>(
  choices: CardChoices<T>,
  card: string,
): [T, (part: Partial<T>) => void] {
  const chosen = useSyncExternalStore(choices.subscribe, () => choices.get(card));
  return [chosen, useCallback((part) => choices.change(card, part), [choices, card])];
}
