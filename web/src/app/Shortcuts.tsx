/** The list of keys. */
import { useEffect, useRef } from "react";
import styles from "./Shortcuts.module.css";

const KEYS: [string[], string][] = [
  [["?"], "this list"],
  [["/"], "search metrics, or the lines of a console"],
  [["Enter", "Shift Enter"], "next, previous line that the search of a console finds"],
  [["j", "k"], "next, previous run"],
  [["Enter"], "highlight the run the focus is on"],
  [["t"], "light or dark"],
  [["←", "→"], "move the cursor over the chart the focus is on"],
  [["+", "-"], "zoom the chart the focus is on, as Ctrl and the wheel"],
  [["Shift ←", "Shift →"], "move along its x axis, as a drag with Shift"],
  [["0"], "all of the x axis again, as a double click"],
  [["Backspace"], "the zoom before this one"],
  [["p", "Shift"], "keep the values under the cursor on the screen"],
  [["Esc"], "close what is open"],
];

export function Shortcuts({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="keys-title" onClose={close}>
      <h2 id="keys-title">Keys</h2>
      <dl>
        {KEYS.map(([keys, meaning]) => (
          <div key={meaning}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p>Drag over a chart to zoom in on a part of its x axis.</p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
