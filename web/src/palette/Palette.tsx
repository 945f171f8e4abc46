/** Finds anything there is and goes there, or does it: one field, one list, all by keyboard. */
import { Fragment, type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { navigate } from "wouter/use-browser-location";
import { plural } from "../format/number";
import { KeyCaps } from "../ui/KeyCaps";
import { type Entry, type Found, findEntries, KIND_WORDS, markedPieces } from "./entries";
import styles from "./Palette.module.css";
import { keepRecent, loadRecent, presentRecent } from "./recent";
import { useEntries } from "./use_entries";
import { useSettled } from "./use_settled";

const TYPING_PAUSE_MS = 100;

interface PaletteProps {
  project: string | null;
  /** The runs that the page draws. */
  drawn?: readonly string[];
  close: () => void;
}

export default function Palette({ project, drawn, close }: PaletteProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const listId = useId();
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const [recent] = useState(loadRecent);
  const settled = useSettled(query, TYPING_PAUSE_MS);
  const { entries, isSearching } = useEntries(project, drawn, settled);
  const groups = useMemo(() => findEntries(entries, query, presentRecent(recent, entries)), [entries, query, recent]);
  const flat = groups.flatMap((group) => group.found);
  const current = Math.min(active, flat.length - 1);
  const optionId = (index: number) => `${listId}-${index}`;

  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    document.getElementById(`${listId}-${current}`)?.scrollIntoView({ block: "nearest" });
  }, [listId, current]);

  const pick = (entry: Entry) => {
    keepRecent(entry);
    // Closed first: what is done may open a dialog of its own, and the focus goes back to where it was.
    dialog.current?.close();
    if (entry.href === undefined) entry.run?.();
    else navigate(entry.href);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const last = flat.length - 1;
    if (event.nativeEvent.isComposing || last < 0) return;
    if (event.key === "ArrowDown") setActive(current === last ? 0 : current + 1);
    else if (event.key === "ArrowUp") setActive(current <= 0 ? last : current - 1);
    else if (event.key === "PageDown") setActive(Math.min(last, current + 8));
    else if (event.key === "PageUp") setActive(Math.max(0, current - 8));
    else if (event.key === "Enter") pick(flat[current].entry);
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label="Find anything"
      onClose={close}
      onClick={(event) => {
        // The ground around the dialog is the dialog itself.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div className={styles.content}>
        <input
          className={styles.field}
          type="text"
          role="combobox"
          aria-label="Find anything"
          aria-expanded={flat.length > 0}
          aria-controls={listId}
          aria-activedescendant={flat.length > 0 ? optionId(current) : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          placeholder={
            project === null ? "Find a project, a page, an action" : "Find a run, a metric, a view, an action"
          }
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
        <div id={listId} role="listbox" aria-label="Found" className={styles.list} data-busy={isSearching}>
          {groups.map((group, groupIndex) => {
            const first = groups.slice(0, groupIndex).reduce((count, one) => count + one.found.length, 0);
            return (
              <div key={group.kind} role="group" aria-labelledby={`${listId}-${group.kind}`}>
                <div id={`${listId}-${group.kind}`} role="presentation" className={styles.kind}>
                  {KIND_WORDS[group.kind]}
                </div>
                {group.found.map((found, index) => (
                  <Option
                    key={found.entry.id}
                    id={optionId(first + index)}
                    found={found}
                    isActive={first + index === current}
                    point={() => setActive(first + index)}
                    pick={() => pick(found.entry)}
                  />
                ))}
              </div>
            );
          })}
        </div>
        {flat.length === 0 && (
          <p className={styles.empty}>
            {isSearching || settled !== query
              ? "Looking …"
              : `Nothing is called “${query.trim()}”: ${project === null ? "" : "runs, metrics and saved views of this project, "}pages, actions and projects were looked through.`}
          </p>
        )}
        <p className="visuallyHidden" role="status">
          {plural(flat.length, "result")}
        </p>
      </div>
    </dialog>
  );
}

interface OptionProps {
  id: string;
  found: Found;
  isActive: boolean;
  point: () => void;
  pick: () => void;
}

function Option({ id, found: { entry, positions }, isActive, point, pick }: OptionProps) {
  return (
    // The field has the focus, and its keys move over the options.
    <div
      id={id}
      role="option"
      aria-selected={isActive}
      className={styles.option}
      onPointerMove={isActive ? undefined : point}
      onClick={pick}
    >
      <span className={styles.title}>
        {markedPieces(entry.title, positions).map(({ text, isFound }, index) => (
          <Fragment key={index}>{isFound ? <mark>{text}</mark> : text}</Fragment>
        ))}
      </span>
      {entry.about && <span className={styles.about}>{entry.about}</span>}
      {entry.key && <KeyCaps name={entry.key} />}
    </div>
  );
}
