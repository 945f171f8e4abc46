/** A page that a run has logged, in a frame of an opaque origin: it can run scripts and reach nothing. */
import { useRef } from "react";
import { pageAddress, wholeOf } from "../api/records";
import { useOnScreen } from "../panel/use_on_screen";
import { Caption } from "./Caption";
import styles from "./HtmlPanel.module.css";
import type { RecordPanelProps } from "./panel_props";
import { formatBytes } from "./words";

const CAPTION_HEIGHT = 20;

export default function HtmlPanel({ document, height }: RecordPanelProps) {
  const root = useRef<HTMLElement>(null);
  const isOnScreen = useOnScreen(root);
  const html = wholeOf(document, "html");
  if (!html) return null;
  const address = pageAddress(html.file, html.inject ?? false);
  return (
    <figure ref={root} className={styles.figure} style={{ height }}>
      <div style={{ height: height - CAPTION_HEIGHT }}>
        {isOnScreen && <iframe className={styles.frame} sandbox="allow-scripts" src={address} title="Logged page" />}
      </div>
      <div className={styles.line}>
        <Caption text={html.file.name} facts={[formatBytes(html.file.size_bytes)]} />
        <a href={address} target="_blank" rel="noopener noreferrer">
          Open alone
        </a>
      </div>
    </figure>
  );
}
