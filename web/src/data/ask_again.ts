/**
 * Asks again for what has changed, without losing a change that is heard of while an answer is on its way.
 *
 * Invariant: after the last change that a page hears of, what it shows is asked once more. An answer that is on its way may have been
 * made before the change: it is taken and asked again behind it, never thrown away, so that a slow answer is not put off for ever.
 */
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { throttleWhileSeen } from "./throttle";

export interface AskingAgain {
  /** What is shown of these keys is out of date. */
  call: (...keys: readonly QueryKey[]) => void;
  cancel: () => void;
}

/** @param milliseconds the shortest time between two questions for the same. */
export function askingAgain(client: QueryClient, milliseconds: number): AskingAgain {
  const waiting = new Map<string, QueryKey>();
  const asking = throttleWhileSeen(() => {
    for (const [name, queryKey] of waiting) {
      if (client.isFetching({ queryKey }) > 0) continue;
      waiting.delete(name);
      void client.invalidateQueries({ queryKey });
    }
    if (waiting.size > 0) asking.call();
  }, milliseconds);
  return {
    call: (...keys) => {
      for (const key of keys) waiting.set(JSON.stringify(key), key);
      if (waiting.size > 0) asking.call();
    },
    cancel: asking.cancel,
  };
}

/** Asks at once for all of these keys: what is on its way was asked over a connection that was lost since. */
export async function askAnew(client: QueryClient, keys: readonly QueryKey[]): Promise<void> {
  await Promise.all(keys.map((queryKey) => client.cancelQueries({ queryKey })));
  await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
}

/** Has these keys asked when they are shown next: from now on nobody hears of their changes. */
export function letGo(client: QueryClient, keys: readonly QueryKey[]): void {
  for (const queryKey of keys) void client.invalidateQueries({ queryKey, refetchType: "none" });
}
