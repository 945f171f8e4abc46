/** Words in the place of something that cannot be shown, or not yet. */
import type { ReactNode } from "react";
import { WarningIcon } from "../ui/icons";
import styles from "./Words.module.css";

interface WordsProps {
  children: ReactNode;
  /** Whether something went wrong. */
  isTrouble?: boolean;
  height?: number;
}

export function Words({ children, isTrouble = false, height }: WordsProps) {
  return (
    <div className={styles.words} role="status" data-trouble={isTrouble} style={{ height }}>
      {isTrouble && <WarningIcon />}
      <p>{children}</p>
    </div>
  );
}

/** A line above a record that is shown all the same. */
export function Warning({ children }: { children: ReactNode }) {
  return (
    <p className={styles.warning} role="note">
      <WarningIcon />
      <span>{children}</span>
    </p>
  );
}

/** The room of what is on its way. */
export const Waiting = ({ height }: { height: number }) => <div style={{ height }} aria-busy="true" />;
