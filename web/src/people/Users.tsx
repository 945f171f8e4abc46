/** All users of the server, and all keys, for server admins. */
import { type FormEvent, useState } from "react";
import { type ApiKey, changeUser, makeUser, revokeKey, setIdentity, setPassword, type User } from "../api/people";
import { isolated } from "../format/isolated";
import { formatAgo } from "../format/time";
import { Menu, type MenuEntry } from "../ui/Menu";
import { Refusal } from "../ui/Problem";
import { useNow } from "../ui/use_now";
import { KeyItem } from "./KeyItem";
import { Field, Refused } from "./parts";
import styles from "./People.module.css";
import { peopleKeys, useAllKeys, useChanges, useUsers } from "./queries";
import { keyEnd, waysInWords } from "./words";

export default function Users() {
  const { data: users, error, refetch } = useUsers();
  const now = useNow(true);
  const { problem, change } = useChanges(peopleKeys.users);
  if (error && !users) return <Refusal error={error} retry={() => void refetch()} />;
  return (
    <div className={styles.content} aria-busy={!users}>
      <h1>Users</h1>
      <p className={styles.about}>
        A user who is disabled is out at once, with all keys and sessions; what they did stays.
      </p>
      <NewUserForm />
      <Refused problem={problem} />
      <ul className={styles.list} aria-label="Users">
        {users?.map((user) => (
          <UserItem key={user.name} user={user} now={now} change={change} />
        ))}
      </ul>
      <KeysOfAll now={now} />
    </div>
  );
}

function NewUserForm() {
  const { problem, isBusy, change } = useChanges(peopleKeys.users);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const isMade = await change(() =>
      makeUser({
        name: String(given.get("name")).trim(),
        display_name: String(given.get("display_name")).trim(),
        password: String(given.get("password")) || null,
        is_server_admin: given.get("is_server_admin") === "on",
      }),
    );
    if (isMade) form.reset();
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)} aria-label="A new user">
      <Field label="Name">
        <input type="text" name="name" required maxLength={64} autoComplete="off" autoCapitalize="none" />
      </Field>
      <Field label="Called">
        <input type="text" name="display_name" maxLength={200} autoComplete="off" />
      </Field>
      <Field label="First password">
        <input type="password" name="password" autoComplete="new-password" placeholder="none" />
      </Field>
      <label className={styles.check}>
        <input type="checkbox" name="is_server_admin" /> Server admin
      </label>
      <button type="submit" disabled={isBusy}>
        Make the user
      </button>
      <Refused problem={problem} />
    </form>
  );
}

interface UserItemProps {
  user: User;
  now: number;
  change: (make: () => Promise<unknown>) => Promise<boolean>;
}

function UserItem({ user, now, change }: UserItemProps) {
  const [open, setOpen] = useState<"password" | "identity" | null>(null);
  const isDisabled = user.disable_time_unix_ms !== null;
  const entries: MenuEntry[] = [
    { kind: "action", label: "Set a password…", act: () => setOpen("password") },
    { kind: "action", label: "Give an identity…", act: () => setOpen("identity") },
    { kind: "separator" },
    {
      kind: "toggle",
      label: "Server admin",
      isOn: user.is_server_admin,
      toggle: () => void change(() => changeUser(user.name, { is_server_admin: !user.is_server_admin })),
    },
    {
      kind: "action",
      label: isDisabled ? "Let in again" : "Disable",
      act: () => void change(() => changeUser(user.name, { is_disabled: !isDisabled })),
    },
  ];
  const seen = user.sign_in_time_unix_ms;
  return (
    <li className={isDisabled ? styles.ended : undefined}>
      <div className={styles.what}>
        <b>{user.name}</b> <bdi>{user.display_name}</bdi>
        {user.is_server_admin && <span className={styles.mark}>server admin</span>}
        {isDisabled && <span className={styles.mark}>disabled</span>}
        <small>
          {waysInWords(user)} · {seen === null ? "never signed in" : `signed in ${formatAgo(seen, now)}`}
        </small>
      </div>
      <Menu label={isolated`Change ${user.name}`} entries={entries} />
      {open !== null && <WayInForm key={open} user={user} kind={open} close={() => setOpen(null)} />}
    </li>
  );
}

function WayInForm({ user, kind, close }: { user: User; kind: "password" | "identity"; close: () => void }) {
  const { problem, isBusy, change } = useChanges(peopleKeys.users);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name));
    const isMade = await change(() =>
      kind === "password"
        ? setPassword(user.name, text("password"))
        : setIdentity(user.name, text("issuer").trim(), text("subject").trim()),
    );
    if (isMade) close();
  };
  return (
    <form
      className={styles.form}
      style={{ flexBasis: "100%" }}
      onSubmit={(event) => void submit(event)}
      aria-label={kind === "password" ? isolated`Password of ${user.name}` : isolated`Identity of ${user.name}`}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      {kind === "password" ? (
        <Field label={`New password of ${user.name}`} about="Ends their sessions.">
          <input type="password" name="password" autoComplete="new-password" required autoFocus />
        </Field>
      ) : (
        <>
          <Field label="Issuer" about="As the provider names itself.">
            <input type="text" name="issuer" required defaultValue={user.issuer ?? ""} autoFocus />
          </Field>
          <Field label="Subject" about="Its name for them: in the audit, once they were refused.">
            <input type="text" name="subject" required autoComplete="off" />
          </Field>
        </>
      )}
      <button type="submit" disabled={isBusy}>
        {kind === "password" ? "Set the password" : "Give the identity"}
      </button>
      <button type="button" className="quiet" onClick={close}>
        Cancel
      </button>
      <Refused problem={problem} />
    </form>
  );
}

function KeysOfAll({ now }: { now: number }) {
  const { data: keys, error, refetch } = useAllKeys();
  const { problem, change } = useChanges(peopleKeys.keys);
  const useful = keys?.filter((key) => keyEnd(key, now) === null);
  return (
    <section className={styles.section} aria-labelledby="all-keys">
      <h2 id="all-keys">Keys of all users</h2>
      {error && !keys && <Refusal error={error} retry={() => void refetch()} />}
      <Refused problem={problem} />
      {useful?.length === 0 && <p className={styles.about}>Nobody has a key that is of use.</p>}
      <ul className={styles.list} aria-label="Keys of all users" aria-busy={!keys && !error}>
        {useful?.map((key) => (
          <KeyItem
            key={key.id}
            one={key}
            now={now}
            isOfAll
            revoke={(one: ApiKey) => void change(() => revokeKey(one.id))}
          />
        ))}
      </ul>
    </section>
  );
}
