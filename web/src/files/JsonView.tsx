/** A JSON file whose objects and lists fold. */
import { useMemo, useState } from "react";
import { visible } from "../logs/ansi";
import { ChevronIcon } from "../ui/icons";
import { jsonRows } from "./json_rows";
import styles from "./JsonView.module.css";
import { Lines, LINES_MAX } from "./Lines";

const INDENT_CHARACTERS = 2;
// A longer text is cut on its line; the file as text has all of it.
const TEXT_CHARACTERS_MAX = 500;

export function JsonView({ value }: { value: unknown }) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => jsonRows(value, toggled).slice(0, LINES_MAX), [value, toggled]);
  const widest = useMemo(
    () =>
      rows.reduce(
        (most, { depth, name, text }) =>
          Math.max(most, depth * INDENT_CHARACTERS + name.length + Math.min(text.length, TEXT_CHARACTERS_MAX) + 4),
        0,
      ),
    [rows],
  );
  const toggle = (path: string) =>
    setToggled((before) => {
      const next = new Set(before);
      if (!next.delete(path)) next.add(path);
      return next;
    });
  return (
    <Lines count={rows.length} label="Content of the file" widthInCharacters={widest}>
      {(place) => {
        const { path, depth, name, text, type, isOpen } = rows[place];
        const key = name !== "" && <span className={styles.name}>{visible(name)}: </span>;
        return (
          <div key={path} className={styles.row} style={{ paddingLeft: `calc(${depth * INDENT_CHARACTERS}ch + 8px)` }}>
            {isOpen === null ? (
              <>
                <span className={styles.space} />
                {key}
                <span data-type={type} title={text.length > TEXT_CHARACTERS_MAX ? text : undefined}>
                  {visible(text.slice(0, TEXT_CHARACTERS_MAX))}
                  {text.length > TEXT_CHARACTERS_MAX && "…"}
                </span>
              </>
            ) : (
              <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => toggle(path)}>
                <span className={styles.chevron} data-open={isOpen}>
                  <ChevronIcon />
                </span>
                {key}
                <span data-type={type}>{text}</span>
              </button>
            )}
          </div>
        );
      }}
    </Lines>
  );
}
