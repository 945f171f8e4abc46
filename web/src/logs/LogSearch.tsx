/** The field to search a console with: how many lines match, the one before and the next, only those. */
import type { KeyboardEvent } from "react";
import { formatCount, plural } from "../format/number";
import { ArrowDownIcon, ArrowUpIcon } from "../ui/icons";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./Logs.module.css";
import type { ConsoleSearch } from "./search";
import { CONSOLE_SEARCH_ID } from "./search_id";

interface LogSearchProps {
  view: ViewState;
  changeView: ChangeView;
  search: ConsoleSearch | null;
  /** Whether what is typed is not yet what was searched. */
  isTyping: boolean;
  /** The place of the match one is at, from 0. */
  current: number | null;
  move: (by: 1 | -1) => void;
}

export function LogSearch({ view, changeView, search, isTyping, current, move }: LogSearchProps) {
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter") {
      event.preventDefault();
      move(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      changeView({ find: "", hasOnlyMatches: false });
      event.currentTarget.blur();
    }
  };
  const count = search?.matches.length ?? 0;
  const isRefused = Boolean(search?.error) && !isTyping;
  return (
    <div className={styles.search} role="search">
      <input
        id={CONSOLE_SEARCH_ID}
        type="search"
        placeholder="Search lines (regex)"
        aria-label="Search the lines by regular expression"
        aria-invalid={isRefused}
        title={isRefused ? search?.error?.message : "Enter: next, Shift+Enter: the one before"}
        value={view.find}
        onChange={(event) => changeView({ find: event.target.value })}
        onKeyDown={onKeyDown}
      />
      {view.find !== "" && (
        <>
          <output className={isRefused ? styles.refused : styles.count}>
            {words(search, isTyping, count, current)}
          </output>
          <button
            type="button"
            className="quiet icon"
            aria-label="Previous match"
            title="Previous match (Shift+Enter)"
            disabled={count === 0}
            onClick={() => move(-1)}
          >
            <ArrowUpIcon />
          </button>
          <button
            type="button"
            className="quiet icon"
            aria-label="Next match"
            title="Next match (Enter)"
            disabled={count === 0}
            onClick={() => move(1)}
          >
            <ArrowDownIcon />
          </button>
          <label className={styles.check}>
            <input
              type="checkbox"
              checked={view.hasOnlyMatches}
              onChange={(event) => changeView({ hasOnlyMatches: event.target.checked })}
            />
            only matching lines
          </label>
        </>
      )}
    </div>
  );
}

function words(search: ConsoleSearch | null, isTyping: boolean, count: number, current: number | null): string {
  if (!search || (search.isBusy && count === 0) || isTyping) return "Searching…";
  if (search.error) return "Not a pattern";
  const more = search.isCut ? " or more" : search.isBusy ? "…" : "";
  if (count === 0) return "No line matches";
  const all = `${plural(count, "line")}${more}`;
  return current === null ? all : `${formatCount(current + 1)} of ${formatCount(count)}${more}`;
}
