/** Adds a run to a comparison by its name. */
import { useId, useState } from "react";
import type { Run } from "../api/types";
import styles from "./Compare.module.css";
import { pickRun, runLabels } from "./pick_run";

// A browser shows no more of a list than a person reads.
const COMPLETIONS_MAX = 200;

export const RUN_PICKER_ID = "compare-add-run";

interface RunPickerProps {
  /** The runs that can be added, newest first. */
  runs: readonly Run[];
  /** Whether these are not known yet: no name can be judged. */
  isWaiting: boolean;
  add: (id: string) => void;
}

export function RunPicker({ runs, isWaiting, add }: RunPickerProps) {
  const list = useId();
  const [text, setText] = useState("");
  const [hasFailed, setFailed] = useState(false);
  const labels = runLabels(runs);
  const take = (wanted: string) => {
    const id = pickRun(runs, wanted);
    setFailed(id === null && wanted.trim() !== "");
    if (id === null) return;
    add(id);
    setText("");
  };
  return (
    <form
      className={styles.picker}
      onSubmit={(event) => {
        event.preventDefault();
        take(text);
      }}
    >
      <input
        id={RUN_PICKER_ID}
        type="text"
        list={list}
        disabled={isWaiting}
        placeholder="Add a run by name"
        aria-label="Add a run by name"
        aria-invalid={hasFailed}
        title={hasFailed ? "No run, or more than one, has this name: choose one of the list" : undefined}
        value={text}
        onChange={(event) => {
          setFailed(false);
          setText(event.target.value);
          // Chosen from the list, not typed: that is all there is to say.
          const { inputType } = event.nativeEvent as InputEvent;
          if (inputType === "insertReplacementText") take(event.target.value);
        }}
      />
      <datalist id={list}>
        {runs
          .filter((run) => labels.get(run.run_id)!.toLowerCase().includes(text.toLowerCase()))
          .slice(0, COMPLETIONS_MAX)
          .map((run) => (
            <option key={run.run_id} value={labels.get(run.run_id)} />
          ))}
      </datalist>
      <button type="submit" disabled={text.trim() === ""}>
        Add
      </button>
      {hasFailed && (
        <span className={styles.failed} role="status">
          No one run is called so.
        </span>
      )}
    </form>
  );
}
