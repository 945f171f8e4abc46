/** Ctrl or ⌘ with Z takes the last change of the layout back, with Shift it makes it again; a text that is typed has its own. */
import { useEffect, useRef } from "react";
import type { LayoutHandle } from "../layout/use_layout";
import { isTyping } from "../ui/use_keys";

export function useUndoKeys(layout: Pick<LayoutHandle, "undo" | "redo">): void {
  const latest = useRef(layout);
  useEffect(() => {
    latest.current = layout;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z") return;
      if (isTyping(event.target)) return;
      const step = event.shiftKey ? latest.current.redo : latest.current.undo;
      if (!step) return;
      event.preventDefault();
      step();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
