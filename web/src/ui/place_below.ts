/** Puts a popover below the button that opens it, its right edge at the button's, within the window. */
const MARGIN = 8;

export function placeBelow(popover: HTMLElement, button: Element): void {
  const box = button.getBoundingClientRect();
  const right = Math.max(MARGIN, document.documentElement.clientWidth - box.right);
  Object.assign(popover.style, { inset: "auto", top: `${box.bottom + 4}px`, right: `${right}px`, margin: "0" });
}
