/** Somebody's own keys: the list, a form that makes one, and the new one, which is shown this once. */
import { type FormEvent, useState } from "react";
import { type ApiKey, makeKey, revokeKey, type Scope } from "../api/people";
import { useProjects } from "../data/queries";
import { isolated } from "../format/isolated";
import { CopyButton } from "../ui/CopyButton";
import { Refusal } from "../ui/Problem";
import { useNow } from "../ui/use_now";
import { KeyItem } from "./KeyItem";
import { Field, Refused } from "./parts";
import styles from "./People.module.css";
import { peopleKeys, useChanges, useKeys } from "./queries";
import { keyEnd, lifetimeWords, LIFETIMES_DAYS, SCOPE_WORDS } from "./words";

interface Shown {
  made: ApiKey;
  text: string;
}

export function ApiKeys() {
  const { data: keys, error, refetch } = useKeys();
  const [shown, setShown] = useState<Shown | null>(null);
  const { problem, change } = useChanges(peopleKeys.keys);
  const now = useNow(true);
  if (error && !keys) return <Refusal error={error} retry={() => void refetch()} />;
  const revoke = (key: ApiKey) => {
    if (shown?.made.id === key.id) setShown(null);
    void change(() => revokeKey(key.id));
  };
  const useful = keys?.filter((key) => keyEnd(key, now) === null) ?? [];
  const ended = keys?.filter((key) => keyEnd(key, now) !== null) ?? [];
  return (
    <>
      <p className={styles.about}>A key lets a machine send runs here, or a program read them, as you.</p>
      <NewKeyForm show={setShown} />
      {shown && <NewKey {...shown} close={() => setShown(null)} />}
      <Refused problem={problem} />
      {keys && useful.length === 0 && <p className={styles.about}>You have no key that is of use.</p>}
      <ul className={styles.list} aria-label="Your keys" aria-busy={!keys}>
        {useful.map((key) => (
          <KeyItem key={key.id} one={key} now={now} revoke={revoke} />
        ))}
      </ul>
      {ended.length > 0 && (
        <details>
          <summary className={styles.about}>Of no use any more: {ended.length}</summary>
          <ul className={styles.list} aria-label="Your former keys">
            {ended.map((key) => (
              <KeyItem key={key.id} one={key} now={now} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function NewKeyForm({ show }: { show: (shown: Shown) => void }) {
  const { problem, isBusy, change } = useChanges(peopleKeys.keys);
  const { data: projects } = useProjects();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const days = String(given.get("days"));
    const isMade = await change(async () => {
      const { key: made, text } = await makeKey({
        label: String(given.get("label")).trim(),
        scope: given.get("scope") as Scope,
        project: String(given.get("project")).trim(),
        lifetime_days: days === "" ? null : Number(days),
      });
      show({ made, text });
    });
    if (isMade) form.reset();
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)} aria-label="A new key">
      <Field label="What it is for">
        <input type="text" name="label" maxLength={100} placeholder="such as the machine" autoComplete="off" />
      </Field>
      <Field label="It may">
        <select name="scope" defaultValue="write">
          {(Object.keys(SCOPE_WORDS) as Scope[]).map((scope) => (
            <option key={scope} value={scope}>
              {SCOPE_WORDS[scope]}
            </option>
          ))}
        </select>
      </Field>
      <Field label="In project">
        <input type="text" name="project" list="projects-of-keys" placeholder="all of yours" autoComplete="off" />
        <datalist id="projects-of-keys">
          {projects?.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </Field>
      <Field label="Of use for">
        <select name="days" defaultValue="90">
          {LIFETIMES_DAYS.map((days) => (
            <option key={days} value={days ?? ""}>
              {lifetimeWords(days)}
            </option>
          ))}
        </select>
      </Field>
      <button type="submit" disabled={isBusy}>
        Make a key
      </button>
      <Refused problem={problem} />
    </form>
  );
}

function NewKey({ made, text, close }: Shown & { close: () => void }) {
  const command = `trackd login ${location.origin}`;
  return (
    <div role="region" className={styles.shown} aria-label="The new key">
      <p role="status">
        <b>Copy the key now: it is shown this once.</b>
      </p>
      <div className={styles.line}>
        <code data-testid="new-key">{text}</code>
        <CopyButton text={() => text} label="Copy the key" />
      </div>
      {made.scope !== "read" && (
        <>
          <p>On the machine that trains, have its runs sent here; the command asks for the key:</p>
          <div className={styles.line}>
            <code>{command}</code>
            <CopyButton text={() => command} label={isolated`Copy ${command}`} />
          </div>
        </>
      )}
      <button type="button" onClick={close}>
        I have it
      </button>
    </div>
  );
}
