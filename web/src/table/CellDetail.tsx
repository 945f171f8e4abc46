/** All that the chosen cell of a grid says, under the grid, and what can be done with it. */
import type { ReactNode } from "react";
import { isolated } from "../format/isolated";
import { CopyButton } from "../ui/CopyButton";
import { CrossIcon } from "../ui/icons";
import styles from "./CellDetail.module.css";

interface CellDetailProps {
  name: string;
  /** The value with all it holds, as it is copied. */
  text: string;
  /** As it is shown where that is not the text itself. */
  shown?: string;
  /** Further actions. */
  children?: ReactNode;
  close: () => void;
}

export function CellDetail({ name, text, shown = text || "(empty)", children, close }: CellDetailProps) {
  return (
    <div className={styles.detail} role="group" aria-label={isolated`Value of ${name}`}>
      <span className={styles.name} title={name}>
        {name}
      </span>
      {/* What scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>{shown}</pre>
      {children}
      <CopyButton text={() => text} label={isolated`Copy the value of ${name}`} />
      <button type="button" className="quiet icon" aria-label="Close" onClick={close}>
        <CrossIcon />
      </button>
    </div>
  );
}
