/** Which blocks of the board are near the screen: only those need to be in the page. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useState } from "react";
import { type Block, blocksBetween } from "./blocks";

interface Range {
  first: number;
  end: number;
}

// About a row and a half of charts before they come onto the screen.
const MARGIN_PIXELS = 400;

export function useBlocksInView(ref: RefObject<HTMLElement | null>, list: readonly Block[]): Range {
  const [range, setRange] = useState<Range>({ first: 0, end: 0 });

  const look = useCallback(() => {
    const element = ref.current;
    if (!element) return;
    const top = element.getBoundingClientRect().top;
    const next = blocksBetween(list, -MARGIN_PIXELS - top, innerHeight + MARGIN_PIXELS - top);
    setRange((before) => (before.first === next.first && before.end === next.end ? before : next));
  }, [ref, list]);

  // After each render: what stands above the board may have moved it without any scrolling.
  useLayoutEffect(look);

  useEffect(() => {
    let frame = 0;
    const soon = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        look();
      });
    };
    // Scrolling is heard in any container.
    document.addEventListener("scroll", soon, { capture: true, passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener("scroll", soon, { capture: true });
      removeEventListener("resize", soon);
    };
  }, [look]);
  return { first: Math.min(range.first, list.length), end: Math.min(range.end, list.length) };
}
