/** One of a few: radio buttons that stand as one row of words. */
import { useId } from "react";
import styles from "./Choice.module.css";

interface ChoiceProps<Value> {
  label: string;
  options: readonly { value: Value; words: string }[];
  chosen: Value;
  choose: (value: Value) => void;
}

export function Choice<Value>({ label, options, chosen, choose }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <div role="radiogroup" aria-label={label} className={styles.choice}>
      {options.map(({ value, words }) => (
        <label key={words} className={styles.option}>
          <input type="radio" name={name} checked={value === chosen} onChange={() => choose(value)} />
          <span>{words}</span>
        </label>
      ))}
    </div>
  );
}
