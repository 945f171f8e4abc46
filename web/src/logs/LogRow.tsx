/** One line of a console. */
import { memo } from "react";
import type { ConsoleLine } from "../api/types";
import type { ThemeName } from "../chart/palette";
import { formatCount } from "../format/number";
import { formatClock, formatMoment } from "../format/time";
import { type AnsiStyle } from "./ansi";
import { colorsOf } from "./ansi_colors";
import { drawnLine, type Piece } from "./pieces";
import styles from "./LogRow.module.css";

interface LogRowProps {
  /** Counted from 0. */
  number: number;
  /** Null where there is none of this number, undefined where it is not there yet. */
  line: ConsoleLine | null | undefined;
  expression: RegExp | null;
  theme: ThemeName;
  hasTime: boolean;
  isCurrent: boolean;
}

export const LogRow = memo(function LogRow({ number, line, expression, theme, hasTime, isCurrent }: LogRowProps) {
  const time = line ? formatMoment(line[2]) : undefined;
  const isError = line?.[1] === "stderr";
  return (
    <div className={styles.row} data-line={number + 1} data-stream={line?.[1]} data-current={isCurrent || undefined}>
      <span className={styles.number} title={time && `${time}, ${isError ? "standard error" : "standard output"}`}>
        {number + 1}
      </span>
      {hasTime && <time className={styles.time}>{line ? formatClock(line[2]) : ""}</time>}
      <span className={styles.text}>
        {isError && <span className="visuallyHidden">standard error: </span>}
        {line ? <LineText text={line[3]} expression={expression} theme={theme} /> : line === undefined && "…"}
      </span>
    </div>
  );
});

function LineText({ text, expression, theme }: { text: string; expression: RegExp | null; theme: ThemeName }) {
  const { pieces, cutCount } = drawnLine(text, expression);
  return (
    <>
      {/* A line without text is as high as any other. */}
      {pieces.length === 0 ? "\u200b" : pieces.map((piece, index) => drawn(piece, index, theme))}
      {cutCount > 0 && <i className={styles.cut}> … and {formatCount(cutCount)} characters more</i>}
    </>
  );
}

function drawn({ text, style, isMarked }: Piece, key: number, theme: ThemeName) {
  if (isMarked) {
    return (
      <mark key={key} className={style ? classesOf(style) : undefined}>
        {text}
      </mark>
    );
  }
  if (!style) return text;
  return (
    <span key={key} className={classesOf(style)} style={colorsOf(style, theme)}>
      {text}
    </span>
  );
}

function classesOf(style: AnsiStyle): string | undefined {
  const names = [
    style.isBold && styles.bold,
    style.isItalic && styles.italic,
    style.isUnderlined && styles.underlined,
    style.isStruck && styles.struck,
  ].filter(Boolean);
  return names.length > 0 ? names.join(" ") : undefined;
}
