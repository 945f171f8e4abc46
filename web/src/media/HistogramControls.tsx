/** How the histograms of all cards are drawn over steps: as a heat map or as ridges, and whether by the logarithm. */
import type { ChangeView } from "../url/use_view";
import { HISTOGRAM_FORMS, type HistogramForm, type ViewState } from "../url/view_state";
import styles from "./MediaCard.module.css";

const FORM_WORDS: Record<HistogramForm, string> = { heat: "heat map", ridge: "ridge" };

interface HistogramControlsProps {
  view: ViewState;
  changeView: ChangeView;
}

export function HistogramControls({ view, changeView }: HistogramControlsProps) {
  return (
    <>
      <select
        className={styles.form}
        aria-label="Histograms as"
        value={view.histograms}
        onChange={(event) => changeView({ histograms: event.target.value as HistogramForm })}
      >
        {HISTOGRAM_FORMS.map((form) => (
          <option key={form} value={form}>
            {FORM_WORDS[form]}
          </option>
        ))}
      </select>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={view.isLogColor}
          onChange={(event) => changeView({ isLogColor: event.target.checked })}
        />
        {view.histograms === "heat" ? "log colour" : "log height"}
      </label>
    </>
  );
}
