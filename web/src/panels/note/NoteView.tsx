/** A note, written in place. */
import { useMemo, useState } from "react";
import { renderMarkdown } from "../../media/markdown";
import textStyles from "../../media/MarkdownPanel.module.css";
import type { PanelProps } from "../kind";
import panelStyles from "../Panel.module.css";
import type { NoteConfig } from "./config";
import styles from "./Note.module.css";
import { NoteField } from "./NoteField";

export default function NoteView({ config, change }: PanelProps<NoteConfig>) {
  const [isWriting, setWriting] = useState(false);
  const html = useMemo(() => renderMarkdown(config.text), [config.text]);
  if (isWriting) {
    return (
      <NoteField
        text={config.text}
        hasFocus
        save={(text) => {
          setWriting(false);
          if (text !== config.text) change({ text });
        }}
        cancel={() => setWriting(false)}
      />
    );
  }
  return (
    <div className={panelStyles.root} data-testid="note" onDoubleClick={() => setWriting(true)}>
      {config.text.trim() === "" ? (
        <div className={panelStyles.words}>
          <p>Nothing written yet.</p>
        </div>
      ) : (
        // What scrolls must be reachable by keyboard.
        <div
          className={`${textStyles.text} ${styles.text}`}
          tabIndex={0}
          role="group"
          aria-label="Note"
          dangerouslySetInnerHTML={{ __html: html }}
        />
      )}
      <div className={panelStyles.foot}>
        <span className={panelStyles.grow} />
        <button type="button" className="quiet" onClick={() => setWriting(true)}>
          Write
        </button>
      </div>
    </div>
  );
}
