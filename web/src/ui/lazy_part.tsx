/**
 * Parts of the page with code of their own, which comes when they are first shown, or before that once the browser has time.
 *
 * Nothing suspends here: React keeps what it shows in place of a part that does for 0.3 s, however soon the code is there.
 */
import { type ComponentType, type ReactNode, useEffect, useLayoutEffect, useState } from "react";

export interface LazyPart<Props> {
  (props: Props): ReactNode;
  /** Asks for the code; where it does not come it is asked for again when the part is shown, which then says why. */
  preload: () => void;
}

const busy = () => <div aria-busy="true" />;

/** @param waiting what stands there until the code has come. */
export function lazyPart<Props extends object>(
  load: () => Promise<{ default: ComponentType<Props> }>,
  waiting: (props: Props) => ReactNode = busy,
): LazyPart<Props> {
  let Loaded: ComponentType<Props> | null = null;
  let coming: Promise<void> | null = null;
  const ask = () =>
    (coming ??= load().then(
      (module) => {
        Loaded = module.default;
      },
      (error: unknown) => {
        coming = null;
        throw error;
      },
    ));
  const Part = (props: Props) => {
    const isHere = Loaded !== null;
    const [arrival, setArrival] = useState<{ error: unknown } | null>(null);
    useLayoutEffect(() => {
      if (isHere) return undefined;
      let isOver = false;
      const arrive = (error: unknown) => {
        if (!isOver) setArrival({ error });
      };
      ask().then(() => arrive(null), arrive);
      return () => {
        isOver = true;
      };
    }, [isHere]);
    // Whoever shows an error and tries again shows another such part, which asks once more.
    if (arrival?.error) throw arrival.error;
    return Loaded ? <Loaded {...props} /> : waiting(props);
  };
  return Object.assign(Part, { preload: () => void ask().catch(() => undefined) });
}

// Safari has no idle callbacks.
const whenIdle = (task: () => void): void =>
  typeof requestIdleCallback === "function" ? void requestIdleCallback(task) : task();

/**
 * Asks for the code of parts that a person may open next, once the browser has nothing else to do.
 *
 * @param afterMs what is asked for first comes first: how long that may take; null for not yet.
 */
export function usePreload(parts: readonly Pick<LazyPart<never>, "preload">[], afterMs: number | null): void {
  useEffect(() => {
    if (afterMs === null) return undefined;
    const timer = setTimeout(() => {
      for (const part of parts) whenIdle(part.preload);
    }, afterMs);
    return () => clearTimeout(timer);
  }, [parts, afterMs]);
}
