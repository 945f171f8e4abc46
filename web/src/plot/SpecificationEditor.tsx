/** A specification as text that can be changed, and kept as a preset. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { savePreset } from "../api/records";
import styles from "./PlotPanel.module.css";
import type { Json } from "./preset";

interface SpecificationEditorProps {
  text: string;
  setText: (text: string) => void;
  reset: () => void;
  /** Why the text is no JSON. */
  problem: string | null;
  /** What can be kept as a preset; undefined where the text is no JSON or no preset can be made of it. */
  specification: Json | undefined;
  height: number;
  /** The preset that it was, to be saved over; a chart's own specification is none. */
  preset?: { id: string; title: string };
}

export function SpecificationEditor(props: SpecificationEditorProps) {
  const { text, setText, reset, problem, specification, height, preset } = props;
  const problemId = useId();
  const isObject = typeof specification === "object" && specification !== null && !Array.isArray(specification);
  return (
    <div className={styles.editor} style={{ height }}>
      <textarea
        aria-label="Specification"
        aria-invalid={problem !== null}
        aria-describedby={problem ? problemId : undefined}
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
        // Keys of the page have no meaning in a text.
        onKeyDown={(event) => event.stopPropagation()}
      />
      {problem && (
        <p id={problemId} className={styles.problem} role="status">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <button type="button" onClick={reset}>
          Reset
        </button>
        {isObject && <SaveForm specification={specification} preset={preset} />}
      </div>
    </div>
  );
}

interface SaveFormProps {
  specification: Record<string, unknown>;
  preset: SpecificationEditorProps["preset"];
}

function SaveForm({ specification, preset }: SaveFormProps) {
  const client = useQueryClient();
  const [id, setId] = useState(preset?.id ?? "");
  const [title, setTitle] = useState(preset?.title ?? "");
  const [said, setSaid] = useState<string | null>(null);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = id.trim();
    try {
      await savePreset(wanted, { title: title.trim() || wanted, specification });
      setSaid(`Saved as '${wanted}'.`);
      // Lists of presets, and charts that are drawn by one.
      await client.invalidateQueries({ queryKey: ["presets"] });
      await client.invalidateQueries({ queryKey: ["plot"] });
    } catch (error) {
      setSaid(`Not saved: ${(error as Error).message}.`);
    }
  };

  return (
    <form className={styles.save} onSubmit={(event) => void save(event)}>
      <input
        type="text"
        required
        aria-label="Id of the preset"
        placeholder="id, as my/curve/v1"
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
      <input
        type="text"
        aria-label="Title of the preset"
        placeholder="title"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <button type="submit">Save as preset</button>
      {said && (
        <span className={styles.said} role="status">
          {said}
        </span>
      )}
    </form>
  );
}
