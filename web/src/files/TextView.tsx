/** A text with the numbers of its lines; of a patch, what was added and what was taken away stands out. */
import { useMemo } from "react";
import { formatCount } from "../format/number";
import { visible } from "../logs/ansi";
import { Lines, LINES_MAX } from "./Lines";
import styles from "./TextView.module.css";

interface TextViewProps {
  text: string;
  isPatch?: boolean;
}

// More of a line than anybody reads on a screen; a copy has all of it.
const LINE_CHARACTERS_MAX = 5_000;
const TAB_WIDTH = 8;

type Mark = "added" | "removed" | "place" | "head" | undefined;

/** What a line of a patch is: the heads of files look like changes and are none. */
export function markOf(line: string): Mark {
  if (/^(diff |index |--- |\+\+\+ |rename |new file|deleted file|similarity )/.test(line)) return "head";
  if (line.startsWith("@@")) return "place";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : undefined;
}

const WORDS: Partial<Record<NonNullable<Mark>, string>> = { added: "added: ", removed: "removed: " };

export function TextView({ text, isPatch = false }: TextViewProps) {
  const lines = useMemo(() => {
    const all = text.split("\n");
    if (all.length > 1 && all[all.length - 1] === "") all.pop();
    return all.slice(0, LINES_MAX);
  }, [text]);
  const widest = useMemo(
    () => lines.reduce((most, line) => Math.max(most, Math.min(line.length, LINE_CHARACTERS_MAX)), 0),
    [lines],
  );
  const digits = String(lines.length).length;
  return (
    <Lines count={lines.length} label="Content of the file" widthInCharacters={widest + digits + TAB_WIDTH}>
      {(place) => {
        const line = lines[place];
        const mark = isPatch ? markOf(line) : undefined;
        const shown = visible(line.slice(0, LINE_CHARACTERS_MAX).replace(/\r$/, ""));
        const cutCount = line.length - LINE_CHARACTERS_MAX;
        return (
          <div key={place} className={styles.line} data-mark={mark} data-line={place + 1}>
            <span className={styles.number} style={{ minWidth: `calc(${digits}ch + 20px)` }}>
              {place + 1}
            </span>
            <span className={styles.text}>
              {mark && WORDS[mark] && <span className="visuallyHidden">{WORDS[mark]}</span>}
              {shown}
              {cutCount > 0 && <i> … and {formatCount(cutCount)} characters more</i>}
            </span>
          </div>
        );
      }}
    </Lines>
  );
}
