/** The console of one writer and the search in it, kept up to date while the page is seen. */
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { fetchConsole } from "../api/routes";
import { watchRevisions } from "../data/page_store";
import { LinePages } from "./line_pages";
import { ConsoleSearch, daemonPattern } from "./search";

export interface ConsoleOf {
  project: string;
  run: string;
  /** Empty for the first writer that has lines. */
  writer: string;
}

const now = () => performance.now();
const later = (task: () => void, milliseconds: number) => void setTimeout(task, milliseconds);

export function useLines({ project, run, writer }: ConsoleOf): LinePages {
  const pages = useMemo(
    () =>
      new LinePages({
        fetch: (firstLine, limit, signal) => fetchConsole({ project, run, writer, firstLine, limit }, signal),
        now,
        later,
      }),
    [project, run, writer],
  );
  useOpen(pages);
  useRefresh(project, run, pages);
  useSyncExternalStore(pages.subscribe, pages.version);
  return pages;
}

const TYPING_PAUSE_MS = 250;

export interface SearchState {
  /** Null while there is none. */
  search: ConsoleSearch | null;
  /** The text that it looks for: what is typed is searched once it rests. */
  asked: string;
}

export function useSearch({ project, run, writer }: ConsoleOf, text: string): SearchState {
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const search = useMemo(
    () =>
      asked === ""
        ? null
        : new ConsoleSearch({
            fetch: (firstLine, limit, signal) =>
              fetchConsole({ project, run, writer, firstLine, limit, pattern: daemonPattern(asked) }, signal),
            later,
          }),
    [project, run, writer, asked],
  );
  useOpen(search);
  useRefresh(project, run, search);
  const { subscribe, version } = search ?? NONE;
  useSyncExternalStore(subscribe, version);
  return { search, asked };
}

const NONE = { subscribe: () => () => undefined, version: () => 0 };

/** Begins to ask, and ends when something else is asked. */
function useOpen(asking: { open(): void; close(): void } | null): void {
  useEffect(() => {
    asking?.open();
    return () => asking?.close();
  }, [asking]);
}

function useRefresh(project: string, run: string, asking: { refresh(): void } | null): void {
  useEffect(() => {
    if (!asking) return;
    let hasMissed = false;
    const refresh = () => {
      hasMissed = document.visibilityState === "hidden";
      if (!hasMissed) asking.refresh();
    };
    const stop = watchRevisions((changedProject, changedRun) => {
      if (changedProject === project && changedRun === run) refresh();
    });
    const onVisible = () => {
      if (hasMissed) refresh();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      stop();
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [project, run, asking]);
}
