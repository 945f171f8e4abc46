/** A record of a cell over the whole window. */
import { useEffect, useRef } from "react";
import type { RecordDocument } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { useBox } from "../media/use_box";
import { RecordView } from "../media/RecordView";
import { KIND_WORDS } from "../media/words";
import { CrossIcon } from "../ui/icons";
import styles from "./RecordDialog.module.css";

interface RecordDialogProps {
  document: RecordDocument;
  theme: ThemeName;
  close: () => void;
}

export function RecordDialog({ document, theme, close }: RecordDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const { height } = useBox(body);
  useEffect(() => dialog.current?.showModal(), []);
  const word = KIND_WORDS[document.type];
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label={word}
      onClose={close}
      // Its keys are not those of the page behind it.
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className={styles.frame}>
        <header className={styles.header}>
          <h2>{word}</h2>
          <button type="button" className="quiet icon" aria-label="Close" onClick={() => dialog.current?.close()}>
            <CrossIcon />
          </button>
        </header>
        <div ref={body} className={styles.body}>
          {height > 0 && <RecordView document={document} height={height} theme={theme} isFullScreen />}
        </div>
      </div>
    </dialog>
  );
}
