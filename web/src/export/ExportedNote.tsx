/** The line at the top of an exported page: when and from what it was made, what is not in it, what it cannot show. */
import { useState, useSyncExternalStore } from "react";
import { plural } from "../format/number";
import { formatMoment } from "../format/time";
import styles from "./ExportedNote.module.css";
import { lastSaid, say, subscribe } from "./said";
import { archive } from "./the_archive";

export function ExportedNote() {
  const [isOpen, setOpen] = useState(false);
  const said = useSyncExternalStore(subscribe, lastSaid);
  const { made_unix_ms: madeMs, project, run, run_count: runCount, left_out: leftOut, version } = archive.index;
  return (
    <aside className={styles.note} aria-label="About this file">
      <p title={`trackd ${version}`}>
        Made on {formatMoment(madeMs)} from{" "}
        {run ? (
          <>
            run <bdi>{run.name}</bdi>
          </>
        ) : (
          plural(runCount, "run")
        )}{" "}
        of project <bdi>{project}</bdi>; a picture of that moment.
        {leftOut.length > 0 && (
          <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {plural(leftOut.length, "thing is", "things are")} not in this file
          </button>
        )}
      </p>
      {isOpen && (
        <ul>
          {leftOut.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <p role="status" hidden={!said}>
        {said}
        <button type="button" className="quiet" onClick={() => say("")}>
          Close
        </button>
      </p>
    </aside>
  );
}
