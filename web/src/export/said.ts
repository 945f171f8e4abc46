/** What the page was asked for and this file cannot show, in a sentence: the last one. */

let said = "";
const listeners = new Set<() => void>();

export function say(sentence: string): void {
  if (sentence === said) return;
  said = sentence;
  for (const listener of listeners) listener();
}

export const lastSaid = (): string => said;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
