/** What whoever is signed in may change of their own: keys, the password, sessions. */
import { type FormEvent, useState } from "react";
import { changePassword, endSessions, type Me } from "../api/people";
import { plural } from "../format/number";
import { Link } from "../ui/Link";
import { Refusal } from "../ui/Problem";
import { ApiKeys } from "./ApiKeys";
import { Field, Refused, SureButton } from "./parts";
import styles from "./People.module.css";
import { peopleKeys, useChanges, useMe } from "./queries";

export default function MySettings() {
  const { data: me, error, refetch } = useMe();
  if (error && !me) return <Refusal error={error} retry={() => void refetch()} />;
  if (!me) return <div aria-busy="true" />;
  return (
    <>
      <p className={styles.about}>
        Signed in as <b>{me.user}</b>
        {me.display_name && <bdi> ({me.display_name})</bdi>}, {teamWords(me)}.
      </p>
      <section className={styles.section} aria-labelledby="api-keys">
        <h2 id="api-keys">API keys</h2>
        <ApiKeys />
      </section>
      {me.has_password && <Password />}
      <Sessions />
    </>
  );
}

function teamWords(me: Me) {
  const where = me.is_server_admin ? "a server admin" : "a user";
  if (me.teams.length === 0) return `${where} in no team`;
  return (
    <>
      {where} in <Link href="/settings/teams">{plural(me.teams.length, "team")}</Link>
    </>
  );
}

function Password() {
  const { problem, isBusy, change } = useChanges(peopleKeys.me);
  const [isDone, setDone] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const isMade = await change(() => changePassword(String(given.get("former")), String(given.get("password"))));
    setDone(isMade);
    if (isMade) form.reset();
  };
  return (
    <section className={styles.section} aria-labelledby="password">
      <h2 id="password">Password</h2>
      <p className={styles.about}>Another password ends your sessions in other browsers. Keys stay as they are.</p>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <Field label="Password of now">
          <input type="password" name="former" autoComplete="current-password" required />
        </Field>
        <Field label="New password">
          <input type="password" name="password" autoComplete="new-password" required />
        </Field>
        <button type="submit" disabled={isBusy}>
          Change the password
        </button>
        <Refused problem={problem} />
        <span role="status">{isDone && "The password is changed."}</span>
      </form>
    </section>
  );
}

function Sessions() {
  const { problem, change } = useChanges(peopleKeys.me);
  return (
    <section className={styles.section} aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      <p className={styles.about}>A session ends after 12 hours without use, and after 7 days.</p>
      <SureButton
        label="Sign out everywhere"
        about="Sign out everywhere, in this browser too"
        act={() => void change(endSessions)}
      />
      <Refused problem={problem} />
    </section>
  );
}
