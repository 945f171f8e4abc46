/** Who has changed what of people, keys and access, newest first, for server admins. What is looked for stands in the address. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";
import { type AuditEntry, type AuditQuestion, fetchAudit } from "../api/people";
import { formatMoment } from "../format/time";
import { Refusal } from "../ui/Problem";
import { actorWords, auditWords } from "./audit_words";
import { Field, Refused } from "./parts";
import styles from "./People.module.css";

const PAGE_SIZE = 100;
const ACTIONS: readonly { value: string; words: string }[] = [
  { value: "", words: "everything" },
  { value: "session.", words: "signing in and out" },
  { value: "key.", words: "keys" },
  { value: "team.", words: "teams" },
  { value: "project.", words: "projects" },
  { value: "user.", words: "users" },
  { value: "run.", words: "deleted runs" },
];

const questionOf = (search: string): AuditQuestion => {
  const query = new URLSearchParams(search);
  return { by: query.get("by") ?? "", action: query.get("action") ?? "", subject: query.get("subject") ?? "" };
};

function addressOf(question: AuditQuestion): string {
  const given = Object.entries(question).filter(([, value]) => value !== "");
  return given.length > 0 ? `/settings/audit?${new URLSearchParams(given)}` : "/settings/audit";
}

export default function Audit() {
  const search = useSearch();
  const question = questionOf(search);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name)).trim();
    navigate(addressOf({ by: text("by"), action: text("action"), subject: text("subject") }));
  };
  return (
    <div className={styles.content}>
      <h1>Audit</h1>
      <p className={styles.about}>Nothing here is ever changed or deleted.</p>
      <form key={search} className={styles.form} onSubmit={submit} role="search" aria-label="Audit">
        <Field label="By">
          <input type="text" name="by" defaultValue={question.by} placeholder="anybody" autoComplete="off" />
        </Field>
        <Field label="About">
          <select name="action" defaultValue={question.action}>
            {ACTIONS.map(({ value, words }) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Of">
          <input
            type="text"
            name="subject"
            defaultValue={question.subject}
            placeholder="such as user:ada"
            autoComplete="off"
          />
        </Field>
        <button type="submit">Show</button>
      </form>
      <Entries key={search} question={question} />
    </div>
  );
}

function Entries({ question }: { question: AuditQuestion }) {
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null);
  const [isMore, setMore] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const asked = useRef(question);

  const ask = async (before: string, signal?: AbortSignal) => {
    try {
      const page = await fetchAudit(asked.current, before, PAGE_SIZE, signal);
      setEntries((known) => (before === "" ? page : [...(known ?? []), ...page]));
      setMore(page.length === PAGE_SIZE);
      setError(null);
    } catch (failure) {
      if (!signal?.aborted) setError(failure as Error);
    }
  };
  const first = useRef(ask);
  useEffect(() => {
    const controller = new AbortController();
    void first.current("", controller.signal);
    return () => controller.abort();
  }, []);

  if (!entries) {
    return error ? <Refusal error={error} retry={() => void ask("")} /> : <div aria-busy="true" />;
  }
  if (entries.length === 0) return <p>Nothing like that has happened.</p>;
  return (
    <>
      <ul className={`${styles.list} ${styles.entries}`} aria-label="Entries">
        {entries.map((entry) => (
          <li key={entry.id}>
            <time dateTime={new Date(entry.time_unix_ms).toISOString()}>{formatMoment(entry.time_unix_ms)}</time>
            <div className={styles.what}>
              <b>{actorWords(entry.actor)}</b> {auditWords(entry)}
            </div>
            <span className={styles.from}>{entry.address && `from ${entry.address}`}</span>
          </li>
        ))}
      </ul>
      <Refused problem={error && error.message} />
      {isMore && (
        <button type="button" onClick={() => void ask(entries.at(-1)!.id)}>
          Show older
        </button>
      )}
    </>
  );
}
