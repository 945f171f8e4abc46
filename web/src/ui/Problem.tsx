/** What stands on the page when there is nothing to show: what has happened and what to do. */
import type { ReactNode } from "react";
import { ApiError } from "../api/http";
import styles from "./Problem.module.css";

export function Problem({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.problem} role="status">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

/** Words for a refusal of the daemon, or for its silence. */
export function Refusal({ error, retry }: { error: Error; retry: () => void }) {
  const status = error instanceof ApiError ? error.status : -1;
  const again = (
    <p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </p>
  );
  if (status === 401) {
    return (
      <Problem title="This page is not signed in">
        <p>
          Run <code>trackd ui</code> in a terminal: it opens this page with the store's token.
        </p>
        {again}
      </Problem>
    );
  }
  if (status === 404) {
    return (
      <Problem title="Not found">
        <p>{error.message}</p>
      </Problem>
    );
  }
  if (status === 0) {
    return (
      <Problem title="The trackd daemon does not answer">
        <p>
          It may have been stopped. Start it with <code>trackd up</code>, then <code>trackd ui</code>.
        </p>
        {again}
      </Problem>
    );
  }
  return (
    <Problem title="The daemon could not answer">
      <p>{error.message}</p>
      {again}
    </Problem>
  );
}
