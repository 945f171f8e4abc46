/** All that a cell of a comparison says, under the grid, and what can be done with it. */
import { CopyButton } from "../ui/CopyButton";
import { CrossIcon } from "../ui/icons";
import styles from "./CellDetail.module.css";

interface CellDetailProps {
  name: string;
  value: unknown;
  text: string;
  /** Opens the difference to the first run; null where there is none to show. */
  showDifference: (() => void) | null;
  close: () => void;
}

export function CellDetail({ name, value, text, showDifference, close }: CellDetailProps) {
  return (
    <div className={styles.detail} role="group" aria-label={`Value of ${name}`}>
      <span className={styles.name} title={name}>
        {name}
      </span>
      {/* What scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>{value === undefined ? "(none)" : text === "" ? "(empty)" : text}</pre>
      {showDifference && (
        <button type="button" onClick={showDifference}>
          Difference
        </button>
      )}
      <CopyButton text={() => text} label={`Copy the value of ${name}`} />
      <button type="button" className="quiet icon" aria-label="Close" onClick={close}>
        <CrossIcon />
      </button>
    </div>
  );
}
