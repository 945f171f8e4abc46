/** Whether the API has said that nobody is signed in. Once it has, the page is left by loading it anew: what it holds was somebody's. */

let isOut = false;
const listeners = new Set<() => void>();

export function noteSignedOut(): void {
  isOut = true;
  for (const listener of listeners) listener();
}

export function subscribeSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const isSignedOut = (): boolean => isOut;
