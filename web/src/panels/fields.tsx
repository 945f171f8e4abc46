/** The fields that editors of panels are made of: a label with one control each. */
import { useId, useState } from "react";
import styles from "./fields.module.css";

interface NameFieldProps {
  label: string;
  value: string;
  names: readonly string[];
  choose: (name: string) => void;
  /** What an empty field means; without it, a name must stand there. */
  none?: string;
}

// A browser shows no more of a list than a person reads.
const COMPLETIONS_MAX = 500;

/** A name with completion: taken over once it is one of the names, or when the field is left. */
export function NameField({ label, value, names, choose, none }: NameFieldProps) {
  const list = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const text = draft ?? value;
  const take = (name: string) => {
    setDraft(null);
    if (name !== value && (name !== "" || none !== undefined)) choose(name);
  };
  const isUnknown = text !== "" && names.length > 0 && !names.includes(text);
  const found = text && isUnknown ? names.filter((name) => name.toLowerCase().includes(text.toLowerCase())) : names;
  return (
    <label className={styles.field}>
      <span>{label}</span>
      <input
        type="text"
        list={list}
        value={text}
        placeholder={none ?? "Name of a column"}
        title={isUnknown ? "No run has such a column yet" : undefined}
        onChange={({ target }) => {
          if (names.includes(target.value) || (target.value === "" && none !== undefined)) take(target.value);
          else setDraft(target.value);
        }}
        onBlur={() => draft !== null && take(draft)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && draft !== null) take(draft);
        }}
      />
      <datalist id={list}>
        {found.slice(0, COMPLETIONS_MAX).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

interface ChoiceFieldProps<Choice extends string> {
  label: string;
  value: Choice;
  choices: readonly (readonly [Choice, string])[];
  choose: (choice: Choice) => void;
}

export function ChoiceField<Choice extends string>({ label, value, choices, choose }: ChoiceFieldProps<Choice>) {
  return (
    <label className={styles.field}>
      <span>{label}</span>
      <select value={value} onChange={(event) => choose(event.target.value as Choice)}>
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

interface CheckFieldProps {
  label: string;
  isOn: boolean;
  set: (isOn: boolean) => void;
}

export function CheckField({ label, isOn, set }: CheckFieldProps) {
  return (
    <label className={styles.check}>
      <input type="checkbox" checked={isOn} onChange={(event) => set(event.target.checked)} />
      {label}
    </label>
  );
}

interface CountFieldProps {
  label: string;
  value: number | null;
  min: number;
  max: number;
  /** What an empty field means. */
  none: string;
  set: (count: number | null) => void;
}

export function CountField({ label, value, min, max, none, set }: CountFieldProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const text = draft ?? (value === null ? "" : String(value));
  const isGood = text === "" || (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max);
  return (
    <label className={styles.field}>
      <span>{label}</span>
      <input
        type="text"
        inputMode="numeric"
        value={text}
        placeholder={none}
        aria-invalid={!isGood}
        title={isGood ? undefined : `A whole number from ${min} to ${max}`}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => {
          if (draft !== null && isGood) set(draft === "" ? null : Number(draft));
          setDraft(null);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
        }}
      />
    </label>
  );
}

/** Fields under each other. */
export function Fields({ children }: { children: React.ReactNode }) {
  return <div className={styles.fields}>{children}</div>;
}
