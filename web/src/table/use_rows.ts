/** The rows of a table for a question, the ones before staying until the first new ones are there. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { fetchRows, type RowsAnswer, type RowsQuery } from "../api/records";
import { RowPages } from "./row_pages";

export interface ShownRows {
  pages: RowPages;
  /** The body that asked for them. */
  query: RowsQuery;
  /** The first page: counts and columns are those of all. */
  first: RowsAnswer;
}

export interface RowsState {
  shown: ShownRows | null;
  /** Whether another question is under way. */
  isBusy: boolean;
  error: Error | null;
  retry: () => void;
}

interface Asked {
  key: string;
  pages: RowPages;
  query: RowsQuery;
  first: RowsAnswer;
}

const NONE = { subscribe: () => () => undefined, version: () => 0 };

/**
 * @param isWanted whether anybody has looked yet: until then nothing is asked.
 */
export function useRows(sha256: string, query: RowsQuery, isWanted: boolean): RowsState {
  const body = JSON.stringify(query);
  const key = `${sha256} ${body}`;
  const [shown, setShown] = useState<Asked | null>(null);
  const [failed, setFailed] = useState<{ key: string; error: Error } | null>(null);
  const [attempt, setAttempt] = useState(0);
  const open = useRef<RowPages | null>(null);

  useEffect(() => {
    if (!isWanted) return;
    const asked = JSON.parse(body) as RowsQuery;
    const pages = new RowPages((offset, limit, signal) => fetchRows(sha256, { ...asked, offset, limit }, signal));
    let isOver = false;
    pages.open().then(
      (first) => {
        if (isOver) return;
        // Until now the rows before could still be scrolled.
        open.current?.close();
        open.current = pages;
        setShown({ key: `${sha256} ${body}`, pages, query: asked, first });
        setFailed(null);
      },
      (error: Error) => {
        if (!isOver) setFailed({ key: `${sha256} ${body}`, error });
      },
    );
    return () => {
      isOver = true;
      if (open.current !== pages) pages.close();
    };
  }, [sha256, body, isWanted, attempt]);

  useEffect(
    () => () => {
      open.current?.close();
      open.current = null;
    },
    [],
  );

  const store = shown?.pages ?? NONE;
  useSyncExternalStore(store.subscribe, store.version);
  const error = failed?.key === key ? failed.error : (shown?.pages.error ?? null);
  return useMemo(
    () => ({
      shown,
      isBusy: shown?.key !== key && error === null,
      error,
      retry: () => setAttempt((before) => before + 1),
    }),
    [shown, key, error],
  );
}
