/** What of all charts is chosen seldom: a logarithmic x, the line of a bucket, the reach of y, and the rule of sections. */
import { useId, useRef } from "react";
import type { ChangeView } from "../url/use_view";
import type { Clip, LineValue, SectionRule, ViewState } from "../url/view_state";
import styles from "./Toolbar.module.css";

interface ChartOptionsProps {
  view: ViewState;
  changeView: ChangeView;
}

const WIDTH = 280;
const MARGIN = 8;

export function ChartOptions({ view, changeView }: ChartOptionsProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const chosenCount = [view.isLogX, view.line !== "last", view.clip !== "all", view.sections !== "last"].filter(
    Boolean,
  ).length;
  return (
    <>
      <button ref={button} type="button" className="quiet" popoverTarget={id}>
        Options{chosenCount > 0 && ` (${chosenCount})`} ▾
      </button>
      <div
        id={id}
        popover="auto"
        className={styles.options}
        role="group"
        aria-label="Options of all charts"
        onBeforeToggle={(event) => {
          const box = button.current?.getBoundingClientRect();
          if (event.newState !== "open" || !box) return;
          event.currentTarget.style.left = `${Math.max(MARGIN, Math.min(box.left, innerWidth - WIDTH - MARGIN))}px`;
          event.currentTarget.style.top = `${box.bottom + 4}px`;
        }}
      >
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={view.isLogX}
            onChange={(event) => changeView({ isLogX: event.target.checked })}
          />
          log x
        </label>
        <label className={styles.choice}>
          Line
          <select value={view.line} onChange={(event) => changeView({ line: event.target.value as LineValue })}>
            <option value="last">last</option>
            <option value="mean">mean</option>
          </select>
        </label>
        <label
          className={styles.choice}
          title="The y axis reaches over all values, or leaves the outermost out and says so"
        >
          y
          <select value={view.clip} onChange={(event) => changeView({ clip: event.target.value as Clip })}>
            <option value="all">all values</option>
            <option value="99">1–99 %</option>
            <option value="95">5–95 %</option>
          </select>
        </label>
        <label className={styles.choice}>
          Sections
          <select
            value={view.sections}
            onChange={(event) => changeView({ sections: event.target.value as SectionRule, closed: [] })}
          >
            <option value="last">last slash</option>
            <option value="first">first part</option>
            <option value="tree">tree of all parts</option>
          </select>
        </label>
      </div>
    </>
  );
}
