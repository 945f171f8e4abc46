/** All that a cell says, under the grid. */
import { CrossIcon } from "../ui/icons";
import styles from "./TablePanel.module.css";

interface CellTextProps {
  name: string;
  isJson: boolean;
  value: string;
  copy: () => void;
  close: () => void;
}

export function CellText({ name, isJson, value, copy, close }: CellTextProps) {
  return (
    <div className={styles.cellText} role="group" aria-label={`Value of ${name}`}>
      <span className={styles.cellName}>{name}</span>
      {/* What scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>{isJson ? pretty(value) : value === "" ? "(empty)" : value}</pre>
      <button type="button" onClick={copy}>
        Copy
      </button>
      <button type="button" className="quiet icon" aria-label="Close" onClick={close}>
        <CrossIcon />
      </button>
    </div>
  );
}

function pretty(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    // A text in a column of JSON stands there as it is.
    return value;
  }
}
