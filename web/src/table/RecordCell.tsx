/** A record in a cell: a thumbnail, a player, a page, or a word that opens it. */
import { type ReactNode, useEffect, useState } from "react";
import {
  isFailed,
  isLarge,
  isList,
  isPending,
  objectAddress,
  pageAddress,
  type RecordDocument,
  type WholeDocument,
} from "../api/records";
import { formatCount } from "../format/number";
import { KIND_WORDS } from "../media/words";
import styles from "./RecordCell.module.css";

/** Frames and players begin only in rows that stay: a list is scrolled past hundreds of them. */
const REST_MS = 150;
const PADDING = 8;

interface RecordCellProps {
  document: RecordDocument;
  /** Of the row, in CSS pixels. */
  height: number;
  onOpen: (document: RecordDocument) => void;
}

export function RecordCell({ document, height, onOpen }: RecordCellProps) {
  if (isPending(document)) return <span className={styles.words}>encoding …</span>;
  if (isFailed(document)) {
    return (
      <span className={styles.words} title={document.error}>
        {document.error}
      </span>
    );
  }
  const open = (content: ReactNode, label: string) => (
    <button
      type="button"
      className={`quiet ${styles.open}`}
      aria-label={label}
      // The focus stays with the grid and its keys.
      tabIndex={-1}
      onClick={(event) => {
        event.stopPropagation();
        onOpen(document);
      }}
    >
      {content}
    </button>
  );
  const word = KIND_WORDS[document.type];
  if (isLarge(document)) return open(word, `Open ${word}`);
  if (isList(document)) {
    const [first] = document.records;
    const count = `${formatCount(document.records.length)} × ${word}`;
    const picture = first && thumbnailOf(first as WholeDocument, height);
    return open(
      <>
        {picture}
        <span>{count}</span>
      </>,
      `Open ${count}`,
    );
  }
  const picture = thumbnailOf(document, height);
  if (picture) return open(picture, `Enlarge ${word}`);
  if (document.type === "audio") {
    return (
      <Resting>
        <audio
          className={styles.player}
          controls
          preload="none"
          src={objectAddress(document.file)}
          aria-label={document.caption ?? "Sound"}
        />
      </Resting>
    );
  }
  if (document.type === "html") {
    return (
      <>
        <Resting>
          <iframe
            className={styles.page}
            style={{ height: height - PADDING }}
            sandbox="allow-scripts"
            src={pageAddress(document.file, document.inject ?? false)}
            title="Logged page"
            tabIndex={-1}
          />
        </Resting>
        {open("Open", "Open logged page")}
      </>
    );
  }
  const caption = "caption" in document ? document.caption : undefined;
  return open(
    <>
      <span>{word}</span>
      {caption && <small>{caption}</small>}
    </>,
    `Open ${word}${caption ? ` ${caption}` : ""}`,
  );
}

function thumbnailOf(document: WholeDocument, height: number): ReactNode {
  const isPicture =
    document.type === "image" || (document.type === "video" && document.file?.media_type === "image/gif");
  if (!isPicture || !document.file) return null;
  return (
    <img
      className={styles.thumbnail}
      style={{ height: height - PADDING }}
      src={objectAddress(document.file)}
      alt={document.caption ?? ""}
      title={document.caption}
      decoding="async"
    />
  );
}

/** Shows its children once it has been there for a moment. */
function Resting({ children }: { children: ReactNode }) {
  const [isAtRest, setAtRest] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setAtRest(true), REST_MS);
    return () => clearTimeout(timer);
  }, []);
  return isAtRest ? children : null;
}
