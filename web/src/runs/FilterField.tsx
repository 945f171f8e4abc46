/** The filter over runs as one line of text, with what may stand next and what is wrong with it. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { ApiError } from "../api/http";
import { CrossIcon } from "../ui/icons";
import styles from "./FilterField.module.css";
import { type FilterOption, optionsAt } from "./filter_options";
import { placeAt } from "./filter_words";
import { useColumns } from "./use_columns";

// Between the last letter and the question.
const WAIT_MS = 300;
const COLUMNS_ASKED = 40;

export const FILTER_FIELD_ID = "runs-filter";

interface FilterFieldProps {
  project: string;
  filter: string;
  setFilter: (filter: string) => void;
  /** Why the daemon refused the filter that stands in the address. */
  error: Error | null;
  /** How many characters stand before the filter in what the daemon was asked. */
  shift: number;
}

/** Where the daemon says that a filter is wrong; null for refusals of another kind. */
export function faultOf(error: Error | null): { message: string; position: number | null } | null {
  if (!(error instanceof ApiError) || error.reason !== "INVALID_FILTER") return null;
  const position = Number.parseInt(error.metadata.position ?? "", 10);
  return { message: error.message, position: Number.isNaN(position) ? null : position };
}

export function FilterField({ project, filter, setFilter, error, shift }: FilterFieldProps) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(filter);
  const [caret, setCaret] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  // The address has changed by other means than this field: the back button, "clear".
  const [told, setTold] = useState(filter);
  if (told !== filter) {
    setTold(filter);
    if (text.trim() !== filter) setText(filter);
  }
  useEffect(() => () => clearTimeout(timer.current), []);

  const place = placeAt(text, caret);
  const search = place.wanted === "name" ? place.typed : place.column.replace(/^tag$/, "tags");
  const columns = useColumns(
    project,
    { search, varying: false, filter: "", offset: 0, limit: COLUMNS_ASKED },
    isOpen && place.wanted !== "joint",
  );
  const options = isOpen ? optionsAt(place, columns.data?.columns ?? []) : [];
  const isListed = options.length > 0;

  const apply = (next: string) => {
    clearTimeout(timer.current);
    setTold(next.trim());
    setFilter(next.trim());
  };
  const change = (next: string, at: number) => {
    setText(next);
    setCaret(at);
    setOpen(true);
    setActive(-1);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(next), WAIT_MS);
  };
  const accept = ({ text: word }: FilterOption) => {
    const rest = text.slice(place.to);
    const gap = word.endsWith("(") ? "" : " ";
    const before = `${text.slice(0, place.from)}${word}${gap}`;
    change(before + rest.replace(/^ /, ""), before.length);
    queueMicrotask(() => field.current?.setSelectionRange(before.length, before.length));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setOpen(true);
      if (isListed)
        setActive((before) => (before + step + options.length + (before < 0 && step < 0 ? 1 : 0)) % options.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && isListed && active >= 0) {
      event.preventDefault();
      accept(options[active]);
    } else if (event.key === "Enter") {
      setOpen(false);
      apply(text);
    } else if (event.key === "Escape" && isListed) {
      event.stopPropagation();
      setOpen(false);
    }
  };

  const fault = faultOf(error);
  const faultAt = fault?.position == null ? null : Math.max(0, fault.position - shift);
  return (
    <div className={styles.field}>
      <div className={styles.line}>
        <input
          ref={field}
          id={FILTER_FIELD_ID}
          type="text"
          role="combobox"
          aria-label="Filter runs"
          aria-expanded={isListed}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active >= 0 && isListed ? `${id}-${active}` : undefined}
          aria-invalid={fault !== null}
          aria-describedby={fault ? `${id}-fault` : undefined}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder="Filter: acc > 0.9 and state = running"
          value={text}
          onChange={(event) => change(event.target.value, event.target.selectionStart ?? event.target.value.length)}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {text !== "" && (
          <button
            type="button"
            className="quiet icon"
            aria-label="Clear the filter"
            onClick={() => {
              setText("");
              apply("");
              field.current?.focus();
            }}
          >
            <CrossIcon />
          </button>
        )}
      </div>
      <ul id={`${id}-list`} className={styles.list} role="listbox" aria-label="What may stand here" hidden={!isListed}>
        {options.map((option, index) => (
          <li
            key={option.text}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            // Not a click: the field keeps the focus.
            onPointerDown={(event) => {
              event.preventDefault();
              accept(option);
            }}
          >
            <span>{option.text}</span>
            <span className={styles.about}>{option.about}</span>
          </li>
        ))}
      </ul>
      {fault && !isListed && (
        <p id={`${id}-fault`} className={styles.fault} role="alert">
          {fault.message}
          {faultAt !== null && (
            <code className={styles.where} aria-hidden="true">
              {filter.slice(0, faultAt)}
              <mark>{filter.slice(faultAt) || "\u00a0"}</mark>
            </code>
          )}
        </p>
      )}
    </div>
  );
}
