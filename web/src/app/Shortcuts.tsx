/** The list of keys over the page. */
import { useEffect, useRef } from "react";
import { KeyList } from "./KeyList";
import styles from "./Shortcuts.module.css";

export function Shortcuts({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="keys-title" onClose={close}>
      <h2 id="keys-title">Keys</h2>
      <KeyList />
      <p>Drag over a chart to zoom in on a part of its x axis.</p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
