/** Small parts of the pages of people: fields, refusals, and buttons that ask once more. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import styles from "./People.module.css";

export function Field({ label, children, about }: { label: string; children: ReactNode; about?: string }) {
  return (
    <label className={styles.field}>
      <span>{label}</span>
      {children}
      {about && <span className={styles.about}>{about}</span>}
    </label>
  );
}

/** Why something was not done: the sentence of the API. */
export function Refused({ problem }: { problem: string | null }) {
  return (
    <div role="alert" className={styles.refused} hidden={problem === null}>
      {problem && `${problem[0].toUpperCase()}${problem.slice(1)}${problem.endsWith(".") ? "" : "."}`}
    </div>
  );
}

interface SureButtonProps {
  /** What it does. */
  label: string;
  /** What it does, for who cannot see what it stands at. */
  about: string;
  act: () => void;
}

/** A button for what cannot be taken back: the first press asks, the second does it. */
export function SureButton({ label, about, act }: SureButtonProps) {
  const [isAsking, setAsking] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (isAsking) keep.current?.focus();
    else if (wasAsking.current) first.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  if (!isAsking) {
    return (
      <button ref={first} type="button" aria-label={about} onClick={() => setAsking(true)}>
        {label}
      </button>
    );
  }
  const stop = () => setAsking(false);
  return (
    <span
      className={styles.sure}
      role="group"
      aria-label={about}
      onKeyDown={(event) => event.key === "Escape" && (event.stopPropagation(), stop())}
    >
      <button
        type="button"
        className={styles.bad}
        onClick={() => {
          stop();
          act();
        }}
      >
        {`${label}: sure`}
      </button>
      <button ref={keep} type="button" onClick={stop}>
        Keep
      </button>
    </span>
  );
}
