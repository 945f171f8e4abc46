/** Where a note is written: kept when the field is left, thrown away with Escape. */
import { useState } from "react";
import styles from "./Note.module.css";

interface NoteFieldProps {
  text: string;
  rows?: number;
  hasFocus?: boolean;
  save: (text: string) => void;
  /** Called when nothing is to be kept. */
  cancel?: () => void;
}

export function NoteField({ text, rows, hasFocus = false, save, cancel }: NoteFieldProps) {
  const [draft, setDraft] = useState(text);
  return (
    <textarea
      className={styles.field}
      aria-label="Note in Markdown"
      placeholder="Markdown: # a heading, **bold**, - a list"
      title="Ctrl+Enter keeps it, Escape throws the change away"
      rows={rows}
      // The person has asked for it by a press.
      autoFocus={hasFocus}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => save(draft)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.blur();
        else if (event.key === "Escape" && cancel) cancel();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}
