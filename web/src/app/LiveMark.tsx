/** A small word that says whether the page hears of changes as they come. */
import type { LiveState } from "../api/live";
import styles from "./LiveMark.module.css";

const WORDS: Record<LiveState, string> = { connecting: "connecting", open: "live", lost: "reconnecting" };

export function LiveMark({ state }: { state: LiveState }) {
  return (
    <span
      className={styles.mark}
      role="status"
      data-state={state}
      data-testid="live"
      title={
        state === "lost"
          ? "The daemon does not answer; the page tries again by itself. What is shown is the last that came."
          : "Changes are shown as they come"
      }
    >
      {WORDS[state]}
    </span>
  );
}
