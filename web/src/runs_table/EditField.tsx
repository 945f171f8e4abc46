/** The text of a cell while it is changed: Enter or leaving keeps it, Escape does not. */
import { useRef, useState } from "react";
import styles from "./RunsGrid.module.css";

interface EditFieldProps {
  label: string;
  value: string;
  column: string;
  /** @param value null to leave all as it was. */
  onEdited: (column: string, value: string | null) => void;
}

export function EditField({ label, value, column, onEdited }: EditFieldProps) {
  const [text, setText] = useState(value);
  const isOver = useRef(false);
  const end = (next: string | null) => {
    if (isOver.current) return;
    isOver.current = true;
    onEdited(column, next === value ? null : next);
  };
  return (
    <input
      type="text"
      className={styles.edit}
      aria-label={label}
      autoFocus
      value={text}
      onChange={(event) => setText(event.target.value)}
      onFocus={(event) => event.target.select()}
      onBlur={() => end(text)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") end(text);
        if (event.key === "Escape") end(null);
      }}
    />
  );
}
