/** Keys that do something anywhere on the page while a component is shown. */
import { useEffect, useRef } from "react";
import { type KeyMap, KeyRegistry } from "./keys";

export const keyRegistry = new KeyRegistry();

export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

// Controls that no text goes into.
const UNTYPED = /^(button|checkbox|color|file|radio|range|reset|submit)$/;

export function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !UNTYPED.test(target.type);
  return target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, altKey, shiftKey, isComposing } = event;
  const press = { key, ctrlKey, metaKey, altKey, shiftKey, isComposing, isTyping: isTyping(event.target) };
  if (!event.defaultPrevented && keyRegistry.press(press, event.timeStamp)) event.preventDefault();
});

export function useKeys(keys: KeyMap): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => keyRegistry.add(() => latest.current), []);
}
