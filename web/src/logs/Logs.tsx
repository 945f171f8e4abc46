/** What a run has printed. */
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { ApiError } from "../api/http";
import { fetchConsole } from "../api/routes";
import type { WholeRun } from "../api/types";
import { isolated } from "../format/isolated";
import { formatCount, plural } from "../format/number";
import { CopyButton } from "../ui/CopyButton";
import { Since } from "../ui/Moment";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { fileName, save, textOf, wholeText } from "./download";
import { LogList, type LogListHandle } from "./LogList";
import { LogSearch } from "./LogSearch";
import styles from "./Logs.module.css";
import { countBelow, marker } from "./search";
import { CONSOLE_SEARCH_ID } from "./search_id";
import { useLines, useSearch } from "./use_console";
import { printing, writerName } from "./writer_name";

interface LogsProps {
  run: WholeRun;
  view: ViewState;
  changeView: ChangeView;
}

// More than anybody pastes; the download has all.
const COPY_LINES_MAX = 10_000;

export default function Logs({ run, view, changeView }: LogsProps) {
  const writers = printing(run.writers);
  const of = { project: run.project, run: run.run_id, writer: view.writer };
  const pages = useLines(of);
  const { search, asked } = useSearch(of, view.find);
  const list = useRef<LogListHandle>(null);
  const expression = useMemo(() => marker(asked), [asked]);
  const only = view.hasOnlyMatches && search ? search.matches : null;
  const current = view.logLine === null ? null : view.logLine - 1;
  const [wasAt, setWasAt] = useState<number | null>(null);

  const matches = search?.matches ?? [];
  const place = current === null ? matches.length : countBelow(matches, current);
  const currentMatch = matches[place]?.[0] === current && current !== null ? place : null;

  const rowOf = (number: number) => (only ? countBelow(only, number) : number);
  const show = (number: number) => {
    changeView({ logLine: number + 1 });
    list.current?.reveal(rowOf(number));
  };
  const move = (by: 1 | -1) => {
    if (matches.length === 0) return;
    let next: number;
    if (currentMatch !== null) next = currentMatch + by;
    else {
      const row = list.current?.topRow() ?? 0;
      const from = current ?? (only ? (only[row]?.[0] ?? pages.lineCount) : row);
      next = countBelow(matches, from) - (by < 0 ? 1 : 0);
    }
    show(matches[(next + matches.length) % matches.length][0]);
  };
  const changeList: ChangeView = (change, history) => {
    // Another list begins where this one was.
    const row = list.current?.topRow() ?? 0;
    const number = only ? only[row]?.[0] : row;
    const isAtEnd = list.current?.view().isAtEnd ?? true;
    setWasAt(current ?? (isAtEnd ? null : (number ?? null)));
    changeView(change, history);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "f" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const field = document.getElementById(CONSOLE_SEARCH_ID) as HTMLInputElement | null;
    field?.focus();
    field?.select();
  };

  const body = () => {
    if (pages.error && pages.lineCount === 0) {
      const isUnreachable = pages.error instanceof ApiError && pages.error.isUnreachable;
      return (
        <p className={styles.words}>
          {`The console could not be read: ${pages.error.message}. `}
          {isUnreachable && "It is asked again when the daemon is back. "}
          <button type="button" onClick={() => pages.retry()}>
            Try again
          </button>
        </p>
      );
    }
    if (!pages.isOpen) return <p className={styles.words}>Reading…</p>;
    if (pages.lineCount === 0) return <Nothing run={run} />;
    if (only && only.length === 0) {
      return (
        <p className={styles.words}>{search?.isBusy ? "Searching…" : (search?.error?.message ?? "No line matches.")}</p>
      );
    }
    const start = wasAt ?? current;
    return (
      <LogList
        // Another list: its own place to begin with.
        key={`${view.writer}\n${only ? asked : ""}\n${only !== null}`}
        ref={list}
        pages={pages}
        only={only}
        expression={expression}
        current={current}
        isWrapped={view.isWrapped}
        hasTimes={view.hasTimes}
        startRow={start === null ? null : rowOf(start)}
        onNumber={(number) => changeView({ logLine: number === current ? null : number + 1 })}
      />
    );
  };

  return (
    <section className={styles.logs} aria-label="Logs" onKeyDown={onKeyDown}>
      <div className={styles.toolbar} role="toolbar" aria-label="Console">
        <LogSearch
          view={view}
          changeView={changeList}
          search={search}
          isTyping={asked !== view.find}
          current={currentMatch}
          move={move}
        />
        {writers.length > 1 && (
          <label className={styles.choice}>
            Writer
            <select
              value={view.writer || writers[0].writer_id}
              onChange={(event) => {
                setWasAt(null);
                changeView({ writer: event.target.value, logLine: null }, "keep");
              }}
            >
              {writers.map((writer) => (
                <option key={writer.writer_id} value={writer.writer_id}>
                  {isolated`${writerName(writer)} (${formatCount(writer.console_line_count)})`}
                </option>
              ))}
            </select>
          </label>
        )}
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={view.hasTimes}
            onChange={(event) => changeView({ hasTimes: event.target.checked })}
          />
          times
        </label>
        <label className={styles.check}>
          <input
            type="checkbox"
            checked={view.isWrapped}
            onChange={(event) => changeView({ isWrapped: event.target.checked })}
          />
          wrap
        </label>
        <span className={styles.end}>
          {pages.lineCount > 0 && <span className={styles.count}>{plural(pages.lineCount, "line")}</span>}
          {pages.lineCount > 0 && (
            <>
              <CopyButton
                label={only ? "Copy the matching lines" : copyLabel(pages.lineCount)}
                text={async () => {
                  if (only) return textOf(only);
                  const first = Math.max(0, pages.lineCount - COPY_LINES_MAX);
                  return (
                    await wholeText(
                      (firstLine, limit) => fetchConsole({ ...of, firstLine, limit }),
                      first,
                      () => {},
                    )
                  ).join("");
                }}
              >
                Copy
              </CopyButton>
              <Download of={of} name={fileName(run.name || run.run_id, view.writer)} />
            </>
          )}
        </span>
      </div>
      {pages.error && pages.lineCount > 0 && (
        <p className={styles.trouble} role="status">
          {`Lines could not be read: ${pages.error.message}. `}
          <button type="button" onClick={() => pages.retry()}>
            Try again
          </button>
        </p>
      )}
      {body()}
    </section>
  );
}

const copyLabel = (lineCount: number): string =>
  lineCount > COPY_LINES_MAX ? `Copy the last ${formatCount(COPY_LINES_MAX)} lines` : "Copy all lines";

function Nothing({ run }: { run: WholeRun }) {
  return (
    <div className={styles.words}>
      <p>
        {run.state === "running" ? (
          <>
            This run has printed nothing yet – waiting since <Since unixMs={run.create_time_unix_ms} />
          </>
        ) : (
          "This run has printed nothing."
        )}
      </p>
      <p>
        What a run prints is kept unless its settings say <code>console="off"</code>, or the variable{" "}
        <code>TRACKD_CONSOLE</code> does.
      </p>
    </div>
  );
}

interface DownloadProps {
  of: { project: string; run: string; writer: string };
  name: string;
}

function Download({ of, name }: DownloadProps) {
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const underWay = useRef<AbortController | null>(null);
  const start = async () => {
    const controller = new AbortController();
    underWay.current = controller;
    setShare(0);
    setError(null);
    try {
      const ask = (firstLine: number, limit: number, signal?: AbortSignal) =>
        fetchConsole({ ...of, firstLine, limit }, signal);
      save(await wholeText(ask, 0, setShare, controller.signal), name);
    } catch (cause) {
      if (!controller.signal.aborted) setError(cause as Error);
    }
    setShare(null);
  };
  if (share !== null) {
    return (
      <button type="button" className="quiet" title="Stop the download" onClick={() => underWay.current?.abort()}>
        {`${Math.floor(share * 100)} % – stop`}
      </button>
    );
  }
  return (
    <button
      type="button"
      className="quiet"
      title={error ? `Not downloaded: ${error.message}` : "All lines as a text file, without colours"}
      onClick={() => void start()}
    >
      {error ? "Download failed – again" : "Download"}
    </button>
  );
}
