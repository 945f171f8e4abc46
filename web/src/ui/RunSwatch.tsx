/** A short piece of a run's line: its colour and its dash. */
import type { LineStyle } from "../chart/model";

export function RunSwatch({ style, isHidden = false }: { style: LineStyle; isHidden?: boolean }) {
  if (isHidden) {
    return (
      <svg width="16" height="12" aria-hidden="true">
        <circle cx="8" cy="6" r="3.5" fill="none" stroke="var(--muted)" strokeWidth="1.5" />
      </svg>
    );
  }
  return (
    <svg width="16" height="12" aria-hidden="true">
      <line x1="0" y1="6" x2="16" y2="6" stroke={style.color} strokeWidth="3" strokeDasharray={style.dash.join(" ")} />
    </svg>
  );
}
