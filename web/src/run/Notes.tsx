/** What a person has written about a run, changed in place. */
import { type KeyboardEvent, useState } from "react";
import styles from "./Notes.module.css";
import type { RunChange } from "./run_change";

interface NotesProps {
  notes: string;
  edit: (change: RunChange) => void;
}

const ROWS_MIN = 3;
const ROWS_MAX = 16;

export function Notes({ notes, edit }: NotesProps) {
  // What is typed is the person's until it is kept or given up, whatever else changes the run.
  const [draft, setDraft] = useState<string | null>(null);
  const keep = () => {
    if (draft !== null && draft !== notes) edit({ notes: draft });
    setDraft(null);
  };
  if (draft === null) {
    return (
      <button
        type="button"
        className={`quiet ${styles.notes}`}
        data-empty={notes === ""}
        title="Press to change"
        onClick={() => setDraft(notes)}
      >
        {notes === "" ? "Write notes" : notes}
      </button>
    );
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep();
    else if (event.key === "Escape") setDraft(null);
    else return;
    event.preventDefault();
  };
  return (
    <div className={styles.editing}>
      <textarea
        autoFocus
        aria-label="Notes"
        rows={Math.min(ROWS_MAX, Math.max(ROWS_MIN, draft.split("\n").length + 1))}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <span>
        <button type="button" title="Ctrl Enter" onClick={keep}>
          Keep
        </button>
        <button type="button" className="quiet" title="Esc" onClick={() => setDraft(null)}>
          Cancel
        </button>
      </span>
    </div>
  );
}
