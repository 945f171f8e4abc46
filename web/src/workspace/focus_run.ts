/** Moves the focus along the list of runs. */
export function focusRun(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-run-focus]")];
  const now = rows.indexOf(document.activeElement as HTMLElement);
  const next = now === -1 ? (by === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, now + by));
  rows[next]?.focus();
}
