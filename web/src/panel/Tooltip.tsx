/** The values under the cursor: all visible lines, nearest to the pointer first. A tap on Shift, or `p`, keeps them on the screen. */
import { useEffect, useRef } from "react";
import { isTyping } from "../ui/use_keys";
import { getCursor, getPinned, subscribeCursor, togglePin, unpin } from "./cursor";
import styles from "./Tooltip.module.css";
import { TooltipView } from "./tooltip_view";

export function Tooltip() {
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const view = new TooltipView(box.current!);
    let frame = 0;
    // Once for each frame, however often the pointer tells of itself.
    const soon = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        view.show(getCursor(), getPinned());
      });
    };
    const unsubscribe = subscribeCursor(soon);
    const stop = hearPinKeys();
    return () => {
      cancelAnimationFrame(frame);
      unsubscribe();
      stop();
      view.close();
      unpin();
    };
  }, []);

  return <div ref={box} className={styles.tooltip} role="group" aria-label="Values" data-testid="tooltip" hidden />;
}

/** Shift counts when it is pressed and let go by itself: with another key or a drag it means something else. */
function hearPinKeys(): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let isTap = false;
  document.addEventListener(
    "keydown",
    (event) => {
      isTap = event.key === "Shift" && !event.repeat && !isTyping(event.target);
      if (event.key === "p" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target))
        togglePin();
      if (event.key === "Escape" && getPinned()) {
        // The dialog around the chart stays open: Escape means what came last.
        event.preventDefault();
        event.stopPropagation();
        unpin();
      }
    },
    { signal, capture: true },
  );
  document.addEventListener("keyup", (event) => isTap && event.key === "Shift" && togglePin(), { signal });
  document.addEventListener("pointerdown", () => (isTap = false), { signal, capture: true });
  return () => controller.abort();
}
