/**
 * Parts of the page with code of their own, which comes when they are first shown, or before that once the browser has time.
 *
 * React's `lazy` shows its fallback even where the code has come, and keeps what it shows for 0.3 s: a part that is there shows at
 * once.
 */
import { type ComponentType, use, useEffect } from "react";

export interface LazyPart<Props> {
  (props: Props): React.ReactNode;
  /** Asks for the code; where it does not come it is asked for again when the part is shown, which then says why. */
  preload: () => void;
}

export function lazyPart<Props extends object>(
  load: () => Promise<{ default: ComponentType<Props> }>,
): LazyPart<Props> {
  let Loaded: ComponentType<Props> | null = null;
  let coming: Promise<void> | null = null;
  const ask = () =>
    (coming ??= load().then((module) => {
      Loaded = module.default;
    }));
  const preload = () => {
    ask().catch(() => {
      coming = null;
    });
  };
  const Part = (props: Props) => {
    if (!Loaded) use(ask());
    return Loaded && <Loaded {...props} />;
  };
  return Object.assign(Part, { preload });
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
