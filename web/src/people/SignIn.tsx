/** Stands in the place of the app while nobody is signed in. The address stays: it is where signing in leads. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/http";
import { fetchWaysIn, otherSiteAddress, signIn } from "../api/people";
import { Refusal } from "../ui/Problem";
import styles from "./SignIn.module.css";
import { problemWords, takeProblem } from "./words";

const SECOND_MS = 1000;
const RETRY_MS = 3000;

export default function SignIn() {
  const ways = useQuery({
    queryKey: ["sign-in"],
    queryFn: ({ signal }) => fetchWaysIn(signal),
    // A server that comes back needs no press of a button.
    refetchInterval: ({ state }) => (state.data ? false : RETRY_MS),
  });
  const [problem, setProblem] = useState(() => problemWords(takeProblem(location.search).problem));
  useEffect(() => {
    document.title = "Sign in · trackd";
    const { problem: named, search } = takeProblem(location.search);
    // The sentence is of this one time: a page that is loaded again has it no more.
    if (named !== null) history.replaceState(history.state, "", location.pathname + search + location.hash);
  }, []);
  // The daemon of one person has no page to sign in at: it says what to do instead.
  if (ways.error && !ways.data) return <Refusal error={ways.error} retry={() => location.reload()} />;
  return (
    <main className={styles.page} aria-busy={!ways.data}>
      {ways.data && (
        <div className={styles.box}>
          <h1>trackd</h1>
          <p className={styles.where}>Sign in at {location.host}</p>
          <p role="alert" className={styles.problem} hidden={problem === null}>
            {problem}
          </p>
          <PasswordForm setProblem={setProblem} />
          {ways.data.oidc && (
            <>
              <p className={styles.or}>or</p>
              <a className={styles.other} href={otherSiteAddress(takenAddress())}>
                {ways.data.oidc.title}
              </a>
            </>
          )}
        </div>
      )}
    </main>
  );
}

const takenAddress = () => location.pathname + takeProblem(location.search).search;

function PasswordForm({ setProblem }: { setProblem: (problem: string | null) => void }) {
  const [isBusy, setBusy] = useState(false);
  const [secondsLeft, setSecondsLeft] = useState(0);
  const password = useRef<HTMLInputElement>(null);
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => name.current?.focus(), []);
  useEffect(() => {
    if (secondsLeft <= 0) return undefined;
    const timer = setTimeout(() => {
      setSecondsLeft(secondsLeft - 1);
      if (secondsLeft === 1) setProblem(null);
    }, SECOND_MS);
    return () => clearTimeout(timer);
  }, [secondsLeft, setProblem]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(name.current!.value.trim(), password.current!.value);
      // Loaded anew: nothing of whoever was here before is left.
      location.reload();
    } catch (error) {
      setBusy(false);
      const wait = error instanceof ApiError ? Number(error.metadata.retry_after_seconds) : NaN;
      if (wait > 0) setSecondsLeft(Math.ceil(wait));
      setProblem(wait > 0 ? "There were too many attempts to sign in." : sentence((error as Error).message));
      password.current?.select();
    }
  };
  const isWaiting = secondsLeft > 0;
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <label>
        Name
        <input
          ref={name}
          type="text"
          name="name"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
      </label>
      <label>
        Password
        <input ref={password} type="password" name="password" autoComplete="current-password" required />
      </label>
      <button type="submit" disabled={isBusy || isWaiting}>
        {isWaiting ? `Wait ${secondsLeft} s` : "Sign in"}
      </button>
    </form>
  );
}

const sentence = (message: string) => `${message[0].toUpperCase()}${message.slice(1)}.`;
