/** The title of a preset, to be changed. */
import { type FormEvent, useState } from "react";
import styles from "./Presets.module.css";

interface RenameFormProps {
  title: string;
  rename: (title: string) => Promise<void>;
}

export function RenameForm({ title, rename }: RenameFormProps) {
  const [text, setText] = useState(title);
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await rename(text.trim());
      setProblem(null);
    } catch (error) {
      setProblem(`Not renamed: ${(error as Error).message}.`);
    }
  };
  return (
    <form className={styles.rename} onSubmit={(event) => void submit(event)}>
      <input type="text" aria-label="Title" value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit" disabled={text.trim() === title}>
        Rename
      </button>
      {problem && (
        <span className={styles.problem} role="status">
          {problem}
        </span>
      )}
    </form>
  );
}
