/** One card over the whole window. The address names it, so that it can be shared. */
import { type ReactNode, useEffect, useRef } from "react";
import { CrossIcon } from "../ui/icons";
import styles from "./CardDialog.module.css";

interface CardDialogProps {
  label: string;
  /** Called when it was closed, by the button or by Escape. */
  onClose: () => void;
  children: ReactNode;
}

export function CardDialog({ label, onClose, children }: CardDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className={styles.dialog} aria-label={label} onClose={onClose}>
      <div className={styles.body}>
        <button
          type="button"
          className={`quiet icon ${styles.close}`}
          aria-label="Close full screen"
          onClick={() => dialog.current?.close()}
        >
          <CrossIcon />
        </button>
        {children}
      </div>
    </dialog>
  );
}
