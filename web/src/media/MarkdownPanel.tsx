/** A text in Markdown. */
import { useMemo } from "react";
import { wholeOf } from "../api/records";
import { renderMarkdown } from "./markdown";
import styles from "./MarkdownPanel.module.css";
import type { RecordPanelProps } from "./panel_props";

export default function MarkdownPanel({ document, height }: RecordPanelProps) {
  const text = wholeOf(document, "markdown")?.text ?? "";
  const html = useMemo(() => renderMarkdown(text), [text]);
  return (
    // What scrolls must be reachable by keyboard.
    <div
      className={styles.text}
      style={{ maxHeight: height }}
      tabIndex={0}
      role="group"
      aria-label="Logged text"
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}
