/** One file of a run: what it is, and its content shown so that nothing in it can run. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { objectAddress, pageAddress } from "../api/records";
import { fileAddress } from "../api/routes";
import type { RunFile } from "../api/types";
import { useTheme } from "../app/theme";
import { formatBytes } from "../media/words";
import { CopyButton } from "../ui/CopyButton";
import { lazyPart } from "../ui/lazy_part";
import { type FileKind, isText, kindOf, mediaTypeOf, separatorOf } from "./file_kind";
import { JsonView } from "./JsonView";
import { notebookText } from "./notebook";
import styles from "./Preview.module.css";
import { decodeText, HEAD_BYTES, readBytes, WHOLE_BYTES_MAX } from "./read_file";
import { TextView } from "./TextView";

const SheetView = lazyPart(
  async () => ({ default: (await import("./SheetView")).SheetView }),
  () => <div className={styles.sheet} aria-busy="true" />,
);
const MarkdownPanel = lazyPart(() => import("../media/MarkdownPanel"));

interface PreviewProps {
  project: string;
  run: string;
  file: RunFile;
}

/** What can be seen as something else than its text. */
const DRAWN: Partial<Record<FileKind, string>> = {
  json: "Folded",
  sheet: "Grid",
  markdown: "Formatted",
  notebook: "Cells",
  html: "As a page",
};

const SHA256_DIGITS = 12;

export function Preview({ project, run, file }: PreviewProps) {
  const kind = kindOf(file.path);
  const isMedia = kind === "image" || kind === "audio" || kind === "video";
  const ref = { sha256: file.sha256, size_bytes: file.size_bytes, media_type: mediaTypeOf(file.path) };
  const download = fileAddress(project, run, file.path);
  return (
    <section className={styles.preview} aria-label={file.path}>
      <header className={styles.header}>
        <h2>{file.path}</h2>
        <span>{formatBytes(file.size_bytes)}</span>
        <span className={styles.sum} title={`sha256 ${file.sha256}`}>
          sha256 {file.sha256.slice(0, SHA256_DIGITS)}
          <CopyButton text={() => file.sha256} label="Copy the sha256" />
        </span>
        <a href={download}>Download</a>
      </header>
      {isMedia ? <Media kind={kind} address={objectAddress(ref)} path={file.path} /> : <Text file={file} kind={kind} />}
    </section>
  );
}

function Media({ kind, address, path }: { kind: FileKind; address: string; path: string }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <p className={styles.words}>This browser cannot show the file: download it to look at it.</p>;
  const onError = () => setBroken(true);
  return (
    <div className={styles.media}>
      {kind === "image" && <img src={address} alt={path} onError={onError} />}
      {kind === "video" && <video src={address} controls preload="metadata" aria-label={path} onError={onError} />}
      {kind === "audio" && <audio src={address} controls preload="metadata" aria-label={path} onError={onError} />}
    </div>
  );
}

function Text({ file, kind }: { file: RunFile; kind: FileKind }) {
  const [isWhole, setWhole] = useState(false);
  const [isPlain, setPlain] = useState(kind === "html");
  const theme = useTheme();
  const limit = isWhole ? WHOLE_BYTES_MAX : HEAD_BYTES;
  const read = useQuery({
    // The bytes under a sha256 never change.
    queryKey: ["file", file.sha256, Math.min(limit, file.size_bytes)],
    queryFn: ({ signal }) => readBytes(file, limit, signal),
    placeholderData: (before) => before,
    gcTime: 60_000,
  });
  const bytes = read.data;
  const text = useMemo(() => (bytes && isText(bytes) ? decodeText(bytes) : null), [bytes]);
  const isCut = file.size_bytes > limit;
  const drawing = useMemo(() => (text === null || isCut ? null : drawingOf(kind, text)), [kind, text, isCut]);
  if (!bytes) {
    return read.error ? (
      <p className={styles.words}>
        The file could not be read: {read.error.message}.{" "}
        <button type="button" onClick={() => void read.refetch()}>
          Try again
        </button>
      </p>
    ) : (
      <p className={styles.words}>Reading…</p>
    );
  }
  if (file.size_bytes === 0) return <p className={styles.words}>The file is empty.</p>;
  if (text === null) {
    return (
      <dl className={styles.unknown}>
        <dt>What it is</dt>
        <dd>No text, and nothing that a page can show.</dd>
        <dt>Size</dt>
        <dd>{formatBytes(file.size_bytes)}</dd>
        <dt>sha256</dt>
        <dd>
          <code>{file.sha256}</code>
        </dd>
      </dl>
    );
  }
  const canDraw = kind === "html" || kind === "sheet" || drawing !== null;
  const isDrawn = canDraw && !isPlain;
  const word = DRAWN[kind];
  return (
    <>
      <div className={styles.tools}>
        {word && canDraw && (
          <span role="group" aria-label="Shown as" className={styles.ways}>
            <button type="button" aria-pressed={isDrawn} onClick={() => setPlain(false)}>
              {word}
            </button>
            <button type="button" aria-pressed={!isDrawn} onClick={() => setPlain(true)}>
              Text
            </button>
          </span>
        )}
        {isCut && (
          <span role="status">
            {`The first ${formatBytes(limit)} of ${formatBytes(file.size_bytes)}`}{" "}
            {!isWhole && (
              <button type="button" disabled={read.isFetching} onClick={() => setWhole(true)}>
                {file.size_bytes > WHOLE_BYTES_MAX ? `Show the first ${formatBytes(WHOLE_BYTES_MAX)}` : "Show all"}
              </button>
            )}
          </span>
        )}
        {!isCut && isWhole && read.isPlaceholderData && <span role="status">Reading…</span>}
        <CopyButton text={() => text} label={isCut ? "Copy what is shown" : "Copy the content"}>
          Copy
        </CopyButton>
      </div>
      {isDrawn && kind === "json" && drawing && <JsonView value={drawing.value} />}
      {isDrawn && kind === "notebook" && drawing && <TextView text={String(drawing.value)} />}
      {isDrawn && kind === "sheet" && (
        <SheetView text={isCut ? text.slice(0, text.lastIndexOf("\n") + 1) : text} separator={separatorOf(file.path)} />
      )}
      {isDrawn && kind === "markdown" && (
        <div className={styles.formatted}>
          <MarkdownPanel document={{ type: "markdown", text }} height={100_000} theme={theme} isFullScreen />
        </div>
      )}
      {isDrawn && kind === "html" && (
        // An opaque origin: it can run scripts and reach nothing.
        <iframe
          className={styles.page}
          sandbox="allow-scripts"
          src={pageAddress({ sha256: file.sha256, size_bytes: file.size_bytes, media_type: "text/html" }, false)}
          title={file.path}
        />
      )}
      {!isDrawn && <TextView key={String(isWhole)} text={text} isPatch={kind === "diff"} />}
    </>
  );
}

/** What a whole text is drawn from; null where it is not what its name says. */
function drawingOf(kind: FileKind, text: string): { value: unknown } | null {
  if (kind === "markdown") return { value: text };
  if (kind === "notebook") {
    const value = notebookText(text);
    return value === null ? null : { value };
  }
  if (kind !== "json") return null;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}
